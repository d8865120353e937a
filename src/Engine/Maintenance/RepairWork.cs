using Varve.Bytes;
using Varve.Compaction;
using Varve.Files;
using Varve.Native;
using Varve.Recovery;
using Varve.Runtime;
using Varve.Tables;

namespace Varve.Maintenance;

/// <summary>A table of the repaired database. The level is null while its place is not known.</summary>
internal sealed record RepairTable(TableInfo Info, int? Level);

/// <summary>What the steps of a repair share: the directory, ways to read and write tables, what was lost so far.</summary>
internal sealed class RepairWork : IDisposable
{
    private const int OpenFilesMax = 64;

    private readonly MemoryPlan _memory = new(MemoryPlan.BudgetBytesMin);
    private readonly List<(byte[] First, byte[] Last, LostKeys Lost, string FileName)> _lostKeys = [];
    private readonly List<RepairLoss> _losses = [];
    private readonly long _firstNumber;

    public RepairWork(
        IFileSystem files, string directory, DatabaseId owner, long nextNumber, RandomSource random, bool isDryRun,
        CancellationToken cancellation)
    {
        Files = files;
        Directory = directory;
        Owner = owner;
        IsDryRun = isDryRun;
        Cancellation = cancellation;
        Random = random;
        _firstNumber = nextNumber;
        Numbers = new FileNumbers(nextNumber);
        Pool = RegionPool.Shared;
        Pool.AddUser();
        Tables = new TableStore(files, directory, owner, new BlockCache(Pool, _memory.CacheBytes), OpenFilesMax, random);
    }

    public IFileSystem Files { get; }

    public string Directory { get; }

    public DatabaseId Owner { get; }

    public bool IsDryRun { get; }

    public CancellationToken Cancellation { get; }

    public RandomSource Random { get; }

    /// <summary>For the tables that this repair writes; they are deleted again if it fails.</summary>
    public FileNumbers Numbers { get; }

    public RegionPool Pool { get; }

    public TableStore Tables { get; }

    public SeenCatalog Catalog { get; } = new();

    public List<string> Risks { get; } = [];

    /// <summary>What replays and merges are made with: the engine's defaults in the least memory.</summary>
    public EngineSetup Setup => new()
    {
        Directory = Directory,
        CreateIfMissing = false,
        Files = Files,
        Scheduler = new SystemScheduler(TimeProvider.System),
        Random = Random,
        Pool = Pool,
        Memory = _memory,
        Compaction = Options,
        UpperFormat = TableFormatOptions.Default,
        BottomFormat = TableFormatOptions.Default with { Compress = true },
        OpenFilesMax = OpenFilesMax,
        LogSegmentBytes = _memory.MemtableBytes,
        CompactionThreads = 1,
    };

    public CompactionOptions Options => new() { MemtableBytes = _memory.MemtableBytes };

    public string PathOf(string name) => Path.Combine(Directory, name);

    /// <summary>Notes keys of a table that may be lost.</summary>
    public void Lose(LostKeys lost, string fileName, byte[] smallest, byte[] largest) =>
        _lostKeys.Add((lost.First ?? smallest, lost.Last ?? largest, lost, fileName));

    public void Lose(LostSequences lost) => _losses.Add(new RepairLoss
    {
        FileName = lost.FileName,
        Offset = lost.Offset,
        Detail = "the log is damaged: these writes are lost, others behind them are not",
        FirstSequence = lost.First,
        LastSequence = lost.Last,
    });

    /// <summary>A file of which nothing can be read, not even what it held.</summary>
    public void LoseUnknown(string fileName, string detail) =>
        _losses.Add(new RepairLoss { FileName = fileName, Offset = 0, Detail = detail });

    /// <summary>All losses, keys by map; asked at the end, when all names that can be read are known.</summary>
    public List<RepairLoss> GetLosses()
    {
        var losses = new List<RepairLoss>(_losses);
        foreach ((byte[] first, byte[] last, LostKeys lost, string fileName) in _lostKeys)
        {
            InspectedKey from = InspectedKey.Of(first);
            InspectedKey to = InspectedKey.Of(last);
            foreach (ulong map in MapsBetween(from.MapId ?? 0, to.MapId ?? from.MapId ?? 0))
            {
                losses.Add(new RepairLoss
                {
                    FileName = fileName,
                    Offset = lost.Offset,
                    Detail = lost.Detail,
                    MapId = map,
                    MapName = Catalog.FindName(map),
                    FirstKey = map == from.MapId ? from.Key : null,
                    LastKey = map == to.MapId ? to.Key : null,
                });
            }
        }

        return losses;
    }

    /// <summary>
    /// Deletes what this repair has written and nobody names, the newest first, and each for certain before the next: a table that is
    /// there says that all older ones are, to a repair that finds no manifest.
    /// </summary>
    public void DeleteWritten()
    {
        try
        {
            for (long number = Numbers.Next - 1; number >= _firstNumber; number--)
            {
                Tables.Delete(number);
                Files.SyncDirectory(Directory);
            }
        }
        catch (StorageException)
        {
            // The failure that ended the repair is the one to report. The next open deletes tables that no manifest names.
        }
    }

    public void Dispose()
    {
        Tables.Dispose();
        Pool.RemoveUser();
    }

    private IEnumerable<ulong> MapsBetween(ulong first, ulong last)
    {
        yield return first;
        foreach (ulong map in Catalog.GetIds())
        {
            if (map > first && map < last) yield return map;
        }

        if (last > first) yield return last;
    }
}
