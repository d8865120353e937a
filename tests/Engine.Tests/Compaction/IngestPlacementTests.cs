using Varve.Compaction;
using Varve.Levels;
using Varve.Tables;
using Varve.Tests.Levels;

namespace Varve.Tests.Compaction;

public sealed class IngestPlacementTests
{
    private static readonly TableInfo Arriving = TestTables.Info(9, "m", "n", 0, 0);

    [Fact]
    public void An_empty_map_takes_it_at_the_bottom() => Assert.Equal(LevelMap.BottomLevel, LevelFor(TestTables.Map()));

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(3, 2)]
    [InlineData(6, 5)]
    public void It_stays_above_what_overlaps_it(int occupied, int expected) =>
        Assert.Equal(expected, LevelFor(TestTables.Map((occupied, TestTables.Info(1, "a", "z")))));

    [Fact]
    public void Tables_beside_it_do_not_matter() => Assert.Equal(
        LevelMap.BottomLevel,
        LevelFor(TestTables.Map((0, TestTables.Info(1, "a", "b")), (2, TestTables.Info(2, "o", "z")), (6, TestTables.Info(3, "a", "l")))));

    [Fact]
    public void A_job_that_writes_around_it_keeps_it_above_the_jobs_output()
    {
        LevelMap map = TestTables.Map((5, TestTables.Info(1, "a", "b")), (5, TestTables.Info(2, "x", "z")));
        CompactionPick job = Job(map, outputLevel: LevelMap.BottomLevel);
        Assert.Equal(LevelMap.BottomLevel - 1, LevelFor(map, job));
        Assert.Equal(LevelMap.BottomLevel, LevelFor(map, Job(map, outputLevel: 5)));
    }

    [Fact]
    public void No_job_begins_that_would_write_around_a_table_on_its_way()
    {
        LevelMap map = TestTables.Map((5, TestTables.Info(1, "a", "b")), (5, TestTables.Info(2, "x", "z")));
        var options = new CompactionOptions { MemtableBytes = 100 };
        List<Table> both = [.. map.Tables(5).ToArray()];
        var context = new CompactionContext { OldestSnapshot = 10 };
        Assert.NotNull(new CompactionAssembly(map, options, context).TryPush(CompactionReason.Requested, 5, both, 6));
        context = context with { Arriving = [new LeveledTable(6, Arriving)] };
        Assert.Null(new CompactionAssembly(map, options, context).TryPush(CompactionReason.Requested, 5, both, 6));
        Assert.NotNull(new CompactionAssembly(map, options, context).TryPush(CompactionReason.Requested, 5, [both[0]], 6));
        context = context with { Arriving = [new LeveledTable(4, Arriving)] };
        Assert.NotNull(new CompactionAssembly(map, options, context).TryPush(CompactionReason.Requested, 5, both, 6));
    }

    [Fact]
    public void A_table_that_came_between_the_inputs_of_a_job_does_not_go_where_the_job_writes()
    {
        LevelMap map = TestTables.Map(
            (5, TestTables.Info(1, "a", "b")), (5, TestTables.Info(2, "x", "z")), (4, TestTables.Info(3, "m", "n")));
        var options = new CompactionOptions { MemtableBytes = 100 };
        List<Table> ingested = [.. map.Tables(4).ToArray()];
        var context = new CompactionContext { OldestSnapshot = 10, Running = [Job(map, outputLevel: 5)] };
        Assert.Null(new CompactionAssembly(map, options, context).TryPush(CompactionReason.Requested, 4, ingested, 5));
        context = context with { Running = [Job(map, outputLevel: 6)] };
        Assert.NotNull(new CompactionAssembly(map, options, context).TryPush(CompactionReason.Requested, 4, ingested, 5));
    }

    private static int LevelFor(LevelMap map, params CompactionPick[] running) => IngestPlacement.LevelFor(Arriving, map, running);

    private static CompactionPick Job(LevelMap map, int outputLevel) => new()
    {
        Reason = CompactionReason.Requested,
        InputLevel = 5,
        Inputs = map.Tables(5).ToArray(),
        OutputLevel = outputLevel,
        Overlapped = [],
        Grandparents = [],
        IsTrivialMove = false,
        Range = KeyRange.Of(map.Tables(5)[0].Info).Union(KeyRange.Of(map.Tables(5)[1].Info)),
        InputBytes = 1,
    };
}
