using Varve.Native;
using Varve.Recovery;
using Varve.Runtime;
using Varve.Tables;

namespace Varve.Simulation;

/// <summary>A sound database on a disk, what it must show, and what else may be put in the place of its files.</summary>
internal sealed class DamageImage
{
    public const string Directory = "/data/db";

    /// <summary>Every commit puts its number here, so that what is there can be read from the data itself.</summary>
    public const string JournalName = "journal";

    /// <summary>Never opened; each damage is done to a fork.</summary>
    public required SimulatedDisk Disk { get; init; }

    public required bool WasClosed { get; init; }

    /// <summary>All commits, by number.</summary>
    public required IReadOnlyList<DamageCommit> Commits { get; init; }

    /// <summary>The salts of the log's current era by segment, for looking for what states how far it was synced.</summary>
    public required IReadOnlyList<ulong> LogSalts { get; init; }

    /// <summary>What the database's files held at earlier moments.</summary>
    public required IReadOnlyList<(string Name, byte[] Content)> Older { get; init; }

    /// <summary>The files of another database, of the same names as far as there are such.</summary>
    public IReadOnlyList<(string Name, byte[] Content)> Foreign { get; init; } = [];

    public IReadOnlyList<string> FileNames { get; private init; } = [];

    /// <summary>When it was left; a later open goes on from there.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>A database that was closed in order, or one whose process was killed, with the parts of another one beside it.</summary>
    public static DamageImage Make(int seed, bool closes, RegionPool pool)
    {
        DamageImage other = DamageBuilder.Build(seed ^ 0x0F0F, closes, pool);
        DamageImage image = DamageBuilder.Build(seed, closes, pool);
        return new DamageImage
        {
            Disk = image.Disk,
            WasClosed = closes,
            Commits = image.Commits,
            LogSalts = image.LogSalts,
            Older = image.Older,
            Time = image.Time,
            Foreign = ReadFiles(other.Disk),
            FileNames = [.. ReadFiles(image.Disk).Select(file => file.Name)],
        };
    }

    public static string PathOf(string name) => Directory + "/" + name;

    public static List<(string Name, byte[] Content)> ReadFiles(SimulatedDisk disk)
    {
        var files = new List<(string Name, byte[] Content)>();
        foreach (string path in disk.ListAllFiles()) files.Add((Path.GetFileName(path), disk.ReadAll(path)));
        return files;
    }

    /// <summary>Small parts of everything: blocks of a few entries, tables of a few blocks, segments of a few batches.</summary>
    public static EngineSetup CreateSetup(SimulatedDisk disk, Scheduler scheduler, int seed, RegionPool pool) => new()
    {
        Directory = Directory,
        CreateIfMissing = true,
        Files = disk,
        Scheduler = scheduler,
        Random = new SeededRandom(seed),
        Pool = pool,
        Memory = new MemoryPlan(MemoryPlan.BudgetBytesMin),
        Compaction = new Compaction.CompactionOptions
        {
            MemtableBytes = 4 << 10,
            TableBytes = 8 << 10,
            LevelZeroTrigger = 4,
            LevelRatio = 4,
            TombstoneCountMin = 1 << 20,
        },
        UpperFormat = new TableFormatOptions { BlockBytes = 512, FilterBitsPerKey = 10 },
        BottomFormat = new TableFormatOptions { BlockBytes = 512, FilterBitsPerKey = 10, Compress = true },
        OpenFilesMax = 4,
        LogSegmentBytes = 8 << 10,
        ChangeHistoryBytes = 48 << 10,
        CompactionThreads = 1,
    };
}
