using System.Globalization;
using Varve.Compaction;
using Varve.Files;
using Varve.Native;
using Varve.Recovery;
using Varve.Runtime;
using Varve.Tables;

namespace Varve.Simulation;

/// <summary>What the seed of a history decides before it begins: the engine's sizes, all tiny, and the shape of the work.</summary>
internal sealed record HistoryOptions
{
    private const long WholeHistoryBytes = 1 << 30;

    public const string Directory = "data/database";

    public required int Seed { get; init; }

    public required int Generations { get; init; }

    /// <summary>Operations in a generation, at most.</summary>
    public required int Operations { get; init; }

    /// <summary>Operations of the main thread in the whole history, at most: a failing history is shrunk by this.</summary>
    public int StepsMax { get; init; } = int.MaxValue;

    /// <summary>What it leaves away.</summary>
    public HistoryFeatures Without { get; init; }

    /// <summary>Operations in a batch, at most.</summary>
    public required int BatchOperationsMax { get; init; }

    public required long BudgetBytes { get; init; }

    /// <summary>The kinds of operations are dealt like cards, so that a history of two hundred has all of them.</summary>
    public bool DealsEveryKind { get; init; }

    /// <summary>Threads that write, the main one included.</summary>
    public required int Writers { get; init; }

    public required string[] MapNames { get; init; }

    /// <summary>The keys of every map, in order.</summary>
    public required byte[][] Keys { get; init; }

    /// <summary>One value in this many is stored apart from its key.</summary>
    public required int LargeValueOneIn { get; init; }

    /// <summary>Chance in a hundred that a put has a time to live.</summary>
    public required int ExpiringPercent { get; init; }

    /// <summary>Chance in a hundred that a batch has conditions.</summary>
    public required int ConditionalPercent { get; init; }

    /// <summary>Chances in a hundred of the levels Synced and Buffered; the rest is None.</summary>
    public required int SyncedPercent { get; init; }

    public required int BufferedPercent { get; init; }

    public required CompactionOptions Compaction { get; init; }

    public required TableFormatOptions Format { get; init; }

    public required long LogSegmentBytes { get; init; }

    /// <summary>Bytes of the log that are kept for the change feed.</summary>
    public required long ChangeHistoryBytes { get; init; }

    /// <summary>More than any history writes: nothing of the feed is ever recycled.</summary>
    public bool KeepsWholeHistory => ChangeHistoryBytes == WholeHistoryBytes;

    public required int CompactionThreads { get; init; }

    public required int OpenFilesMax { get; init; }

    public required int DirectWriteAlignment { get; init; }

    /// <summary>Whether a thread brings the neighbours of blocks into the cache.</summary>
    public bool ReadsNeighbours => Seed % 4 == 0;

    /// <summary>From so many bytes of tables on they are written past the page cache.</summary>
    public long DirectWritesFromBytes => Seed % 5 == 0 ? 64 << 10 : 0;

    /// <summary>Whether the log has its window.</summary>
    public required bool MapsFiles { get; init; }

    /// <summary>A long history of several generations, with one to three writers.</summary>
    public static HistoryOptions Draw(int seed)
    {
        var random = new Random(seed);
        return Draw(seed, random) with
        {
            Generations = random.Next(2, 7),
            Operations = random.Next(6) == 0 ? random.Next(160, 800) : random.Next(20, 160),
            Writers = random.Next(1, 4),
            BatchOperationsMax = random.Next(3) switch { 0 => 8, 1 => 40, _ => 160 },
        };
    }

    /// <summary>A short one, mostly of one writer, every call of which can be hurt.</summary>
    public static HistoryOptions DrawSmall(int seed)
    {
        var random = new Random(seed);
        return Draw(seed, random) with
        {
            Generations = random.Next(3) == 0 ? 2 : 1,
            Operations = random.Next(20, 61),
            Writers = random.Next(4) == 0 ? 2 : 1,
        };
    }

    /// <summary>One generation of one writer that does everything there is, for runs in which every single call is hurt.</summary>
    public static HistoryOptions DrawWhole(int seed, int operations)
    {
        HistoryOptions drawn = Draw(seed, new Random(seed));
        return drawn with
        {
            Operations = operations,
            DealsEveryKind = true,
            LargeValueOneIn = Math.Min(drawn.LargeValueOneIn, 15),
            ExpiringPercent = Math.Max(drawn.ExpiringPercent, 35),
            ConditionalPercent = Math.Max(drawn.ConditionalPercent, 15),
        };
    }

    public EngineSetup CreateSetup(IFileSystem files, Scheduler scheduler, RandomSource random, RegionPool pool) => new()
    {
        Directory = Directory,
        CreateIfMissing = true,
        Files = files,
        Scheduler = scheduler,
        Random = random,
        Pool = pool,
        Memory = new MemoryPlan(BudgetBytes),
        Compaction = Compaction,
        UpperFormat = Format,
        BottomFormat = Format with { Compress = Compaction.CompressesBottom },
        OpenFilesMax = OpenFilesMax,
        LogSegmentBytes = LogSegmentBytes,
        ChangeHistoryBytes = ChangeHistoryBytes,
        CompactionThreads = CompactionThreads,
        ReadsNeighbours = ReadsNeighbours,
        DirectWritesFromBytes = DirectWritesFromBytes,
    };

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"seed {Seed}: {Generations} generations of {Operations} operations, {Writers} writers, " +
        $"batches up to {BatchOperationsMax}, {MapNames.Length} maps, {Keys.Length} keys, " +
        $"budget {BudgetBytes}, memtable {Compaction.MemtableBytes}, table {Compaction.TableBytes}, " +
        $"block {Format.BlockBytes}, filter {Format.FilterBitsPerKey}, " +
        $"compressed {Compaction.CompressesBottom}, level 0 trigger {Compaction.LevelZeroTrigger}, ratio {Compaction.LevelRatio}, " +
        $"segment {LogSegmentBytes}, history {ChangeHistoryBytes}, " +
        $"expiring {ExpiringPercent} %, conditional {ConditionalPercent} %, " +
        $"compaction threads {CompactionThreads}, alignment {DirectWriteAlignment}, mapping {MapsFiles}");

    public bool Has(HistoryFeatures feature) => (Without & feature) == 0;

    /// <summary>The same work on the same disk, opened with other options. What the change feed keeps stays as it is.</summary>
    public HistoryOptions Redraw(int seed)
    {
        HistoryOptions other = Draw(seed, new Random(seed));
        return this with
        {
            BudgetBytes = other.BudgetBytes,
            Compaction = other.Compaction,
            Format = other.Format,
            LogSegmentBytes = other.LogSegmentBytes,
            CompactionThreads = other.CompactionThreads,
            OpenFilesMax = other.OpenFilesMax,
        };
    }

    private static HistoryOptions Draw(int seed, Random random) => new()
    {
        Seed = seed,
        Generations = 1,
        Operations = 1,
        Writers = 1,
        BatchOperationsMax = 8,
        MapNames = DrawNames(random),
        Keys = HistoryContent.DrawKeys(random),
        LargeValueOneIn = random.Next(3) switch { 0 => 15, 1 => 60, _ => int.MaxValue },
        ExpiringPercent = random.Next(4) switch { 0 => 0, 1 => 90, _ => 35 },
        ConditionalPercent = random.Next(3) switch { 0 => 0, 1 => 15, _ => 50 },
        SyncedPercent = random.Next(4) switch { 0 => 0, 1 => 100, _ => 30 },
        BufferedPercent = random.Next(0, 71),
        BudgetBytes = MemoryPlan.BudgetBytesMin << random.Next(0, 3),
        Compaction = new CompactionOptions
        {
            MemtableBytes = (16 << 10) << random.Next(0, 3),
            TableBytes = (8 << 10) << random.Next(0, 4),
            LevelZeroTrigger = random.Next(2, 5),
            LevelRatio = random.Next(2, 11),
            TombstoneCountMin = 4 << random.Next(0, 6),
            CompressesBottom = random.Next(2) == 0,
        },
        Format = new TableFormatOptions
        {
            BlockBytes = random.Next(3) switch { 0 => 256, 1 => random.Next(256, 4033), _ => TableFormat.RawPayloadBytesMax },
            FilterBitsPerKey = random.Next(2) == 0 ? 0 : 10,
        },
        LogSegmentBytes = (8 << 10) << random.Next(0, 4),
        CompactionThreads = random.Next(1, 3),
        ChangeHistoryBytes = random.Next(6) switch { 0 => 0, 1 => 40 << 10, 2 => 200 << 10, _ => WholeHistoryBytes },
        OpenFilesMax = random.Next(2) == 0 ? 2 : 64,
        DirectWriteAlignment = random.Next(3) switch { 0 => 1, 1 => 512, _ => 4096 },
        MapsFiles = seed % 4 != 0,
    };

    private static string[] DrawNames(Random random)
    {
        string[] names = ["a", "größe", new string('n', 255), "\0"];
        return names[..random.Next(1, names.Length + 1)];
    }
}
