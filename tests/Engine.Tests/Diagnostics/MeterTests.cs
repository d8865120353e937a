using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;
using Varve.Native;
using Varve.Tests.Api;
using Varve.Tests.Files;
using Varve.Tests.House;

namespace Varve.Tests.Diagnostics;

/// <summary>The figures that a listener is given, and what listening costs.</summary>
public sealed partial class MeterTests
{
    private readonly SimulatedDisk _disk = new();
    private readonly RegionPool _pool = new();

    [Fact]
    public void Figures_are_those_of_the_statistics()
    {
        using var reader = new MeterReader();
        using Database database = OptionSet.Tiny.Open(_disk, _pool, directory: "figures");
        Work(database, 300);
        Work(database, 300);
        database.WaitForUpkeep();
        using Snapshot snapshot = database.CreateSnapshot();
        reader.Ask();
        DatabaseStatistics statistics = database.GetStatistics();
        double Of(string name) => reader.Last(name, "figures") ?? throw new InvalidOperationException(name + " was not measured");

        Assert.Equal(600, Of("varve.commits"));
        Assert.Equal(602, Of("varve.operations"));
        Assert.Equal(600, statistics.CommittedBatches);
        Assert.Equal(602, statistics.CommittedOperations);
        Assert.Equal(600, Of("varve.commit.groups"));
        Assert.Equal(statistics.Flushes, Of("varve.flushes"));
        Assert.Equal(statistics.FlushedBytes, Of("varve.flush.bytes"));
        Assert.Equal(statistics.Compactions, Of("varve.compactions"));
        Assert.Equal(statistics.CompactionReadBytes, Of("varve.compaction.read.bytes"));
        Assert.Equal(statistics.CompactionWrittenBytes, Of("varve.compaction.written.bytes"));
        Assert.Equal(statistics.CacheCapacityBytes, Of("varve.cache.capacity"));
        Assert.Equal(statistics.MemtableEntries, Of("varve.memtable.entries"));
        Assert.Equal(statistics.MemoryBudgetBytes, Of("varve.memory.budget"));
        Assert.Equal(statistics.LatestSequence - statistics.DurableSequence, Of("varve.commit.not_durable"));
        Assert.Equal(1, Of("varve.snapshots"));
        Assert.Equal(0, Of("varve.write.stopped"));
        Assert.InRange(Of("varve.table.read.bytes"), statistics.CompactionReadBytes / 2, statistics.CompactionReadBytes * 2);
        foreach (LevelStatistics level in statistics.Levels)
        {
            Assert.Equal(level.Bytes, reader.Last("varve.level.bytes", "figures", level.Level));
            Assert.Equal(level.Tables.Count, reader.Last("varve.level.tables", "figures", level.Level));
        }

        Assert.Equal(600, reader.Count("varve.commit.duration", "figures"));
        Assert.True(reader.Count("varve.flush.duration", "figures") > 0);
        Assert.True(reader.Count("varve.compaction.duration", "figures") > 0);
    }

    [Fact]
    public void Two_databases_are_told_apart_and_a_closed_one_is_silent()
    {
        using var reader = new MeterReader();
        using Database one = OptionSet.Tiny.Open(_disk, _pool, directory: "one");
        Database two = OptionSet.Tiny.Open(_disk, _pool, directory: "two");
        Work(one, 10);
        Work(two, 20);
        reader.Ask();
        Assert.Equal(10, reader.Last("varve.commits", "one"));
        Assert.Equal(20, reader.Last("varve.commits", "two"));
        two.Close();
        reader.Forget();
        reader.Ask();
        Assert.Equal(10, reader.Last("varve.commits", "one"));
        Assert.Null(reader.Last("varve.commits", "two"));
    }

    [Fact]
    public void A_database_opened_for_reading_is_measured_too()
    {
        using (Database database = OptionSet.Tiny.Open(_disk, _pool, directory: "read")) Work(database, 10);
        using var reader = new MeterReader();
        using Database readOnly = OptionSet.Tiny.Open(_disk, _pool, isReadOnly: true, directory: "read");
        reader.Ask();
        Assert.Equal(0, reader.Last("varve.commits", "read"));
        Assert.Equal(0, reader.Last("varve.commit.not_durable", "read"));
        Assert.Equal(12, (reader.Last("varve.memtable.entries", "read") ?? 0) + ReadEntries(readOnly));
    }

    [Fact]
    public void Syncs_of_the_log_are_timed()
    {
        using var reader = new MeterReader();
        using Database database = (OptionSet.Tiny with { Durability = Durability.Synced }).Open(_disk, _pool, directory: "synced");
        Work(database, 5);
        Assert.Equal(5, reader.Count("varve.log.sync.duration", "synced"));
    }

    [Fact]
    public void Asking_while_databases_come_and_go_fails_nobody()
    {
        using var reader = new MeterReader();
        using var stop = new CancellationTokenSource();
        Task asking = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested) reader.Ask();
        });
        for (int i = 0; i < 10; i++)
        {
            using Database database = OptionSet.Tiny.Open(_disk, _pool, directory: "busy");
            Work(database, 100);
        }

        stop.Cancel();
        asking.Wait();
    }

    [Fact]
    public void A_put_that_is_timed_allocates_nothing()
    {
        using var directory = new TemporaryDirectory();
        using var listener = new MeterListener();
        listener.InstrumentPublished = static (instrument, listening) =>
        {
            if (instrument.Meter.Name == VarveDiagnostics.MeterName) listening.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<double>(static (_, _, _, _) => { });
        listener.Start();
        using Database database = Database.Open(directory.Path, new DatabaseOptions { Durability = Durability.None });
        SortedMap map = database.GetMap("m");
        byte[] value = new byte[20];
        for (int i = 0; i < 2_000; i++) map.Put("k"u8, value);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1_000; i++) map.Put("k"u8, value);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void The_page_names_every_instrument_with_its_unit_and_no_other()
    {
        using Database database = OptionSet.Tiny.Open(_disk, _pool, directory: "page");
        using var reader = new MeterReader();
        string[] documented = [.. InstrumentRow().Matches(Page()).Select(row => $"{row.Groups["name"]} {row.Groups["unit"]}")];
        Assert.Equal(
            reader.Instruments.Select(instrument => $"{instrument.Name} {instrument.Unit}").Order(StringComparer.Ordinal),
            documented.Order(StringComparer.Ordinal));
        Assert.All(reader.Instruments, instrument => Assert.False(string.IsNullOrEmpty(instrument.Description)));
    }

    [Fact]
    public void The_page_names_every_event()
    {
        string page = Page();
        foreach (Type type in typeof(DatabaseEvent).Assembly.GetTypes().Where(type => type.BaseType == typeof(DatabaseEvent)))
            Assert.Contains($"| `{type.Name}` |", page);
    }

    private static string Page() => File.ReadAllText(Repository.PathOf("docs", "observability.md"));

    private static long ReadEntries(Database database) =>
        database.GetStatistics().Levels.Sum(level => level.Entries);

    private static void Work(Database database, int count)
    {
        SortedMap map = database.GetMap("m");
        byte[] value = new byte[200];
        for (int i = 0; i < count; i++)
        {
            new Random(i).NextBytes(value);
            map.Put(BitConverter.GetBytes(i), value);
        }
    }

    [GeneratedRegex(@"^\| `(?<name>varve\.[\w.]+)` \| `(?<unit>[^`]+)` \|", RegexOptions.Multiline)]
    private static partial Regex InstrumentRow();
}
