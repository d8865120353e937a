using System.Diagnostics;
using Varve.Bytes;
using Varve.Catalog;
using Varve.Commit;
using Varve.Compaction;
using Varve.Diagnostics;
using Varve.Feed;
using Varve.Files;
using Varve.Levels;
using Varve.Log;
using Varve.Memory;
using Varve.Native;
using Varve.Reading;
using Varve.Runtime;

namespace Varve.Recovery;

/// <summary>
/// Opens a store: lock, manifest, replay, then writing. What the log held is made durable anew, in the log itself or as tables named by
/// one manifest edit, before the first write is accepted: after a kill or a failed sync the system may show bytes that the device does
/// not have.
/// </summary>
internal static class StoreOpener
{
    /// <summary>
    /// After an unclean end sequences go on this far above the last one known, so that a number that was given out and lost never
    /// comes back for other content.
    /// </summary>
    private const ulong UncleanSequenceJump = 1UL << 32;

    /// <summary>Opens for writing; where the disk is full, once more after room was made in what the database has itself.</summary>
    public static Store Open(EngineSetup setup)
    {
        StoreClock? clock = null;
        try
        {
            return OpenForWriting(setup, ref clock);
        }
        catch (StorageException refusal) when (ErrorNumbers.IsNoSpace(refusal))
        {
            return OpenOnFullDisk(setup, clock);
        }
    }

    private static Store OpenOnFullDisk(EngineSetup setup, StoreClock? clock)
    {
        long reserveBytes = LogContextOf(setup, default).ReserveBytes;
        try
        {
            FullDisk.MakeRoom(setup);
            return OpenForWriting(setup, ref clock);
        }
        catch (StorageException refusal) when (ErrorNumbers.IsNoSpace(refusal))
        {
            StorageException told = FullDisk.Explain(setup, refusal);
            DiskReserve.TryTake(setup.Files, setup.Directory, reserveBytes);
            throw told;
        }
    }

    /// <param name="setup">What to open.</param>
    /// <param name="clock">
    /// Of an attempt that was refused, and may have left its time in the manifest: that is no time of an earlier open, on which reclaiming
    /// may rely. Null at first.
    /// </param>
    private static Store OpenForWriting(EngineSetup setup, ref StoreClock? clock)
    {
        if (setup.CreateIfMissing) setup.Files.CreateDirectory(setup.Directory);
        else ThrowIfMissing(setup);
        using var opening = new Opening(setup, exclusive: true);
        ManifestState? state = Manifest.Load(setup.Files, setup.Directory);
        if (state is null && !setup.CreateIfMissing) throw NoDatabase(setup);
        bool isUnclean = state is { CleanEnd: null };
        state ??= new ManifestState(new DatabaseId(setup.Random.NextUInt64(), setup.Random.NextUInt64()));
        opening.MakeParts(state);
        HashSet<long> known = CheckTablesExist(setup, state);

        using var replay = new Replay(setup, opening.Tables);
        using LogKeeper? keeper = isUnclean ? new LogKeeper(setup.Files, setup.Scheduler) : null;
        LogRecoveryResult? log = ReplayLog(setup, state, replay, keeper);
        opening.Found(log, state);
        ulong lastSequence = Math.Max(state.FlushedSequence, log?.LastSequence ?? 0);
        KeptLog? kept = LogKeeping.Choose(log, replay, state);
        if (keeper?.TryFinish() != true) kept = null;
        List<long> unknownTables = FindUnknownTables(setup, known);
        var numbers = new FileNumbers(Math.Max(state.NextFileNumber, unknownTables.Count > 0 ? unknownTables.Max() + 1 : 0));
        LevelEdit edit = kept is null ? replay.WriteTables(numbers) : new LevelEdit();
        clock ??= MakeClock(setup, state, log);
        ulong sequenceBound = Math.Max(state.SequenceBound, lastSequence);
        if (isUnclean) sequenceBound += UncleanSequenceJump;
        LogContext context = LogContextOf(setup, state.DatabaseId) with { Clock = clock };
        LogHistory history = kept is null
            ? BeginEra(setup, context, state, log, isUnclean, sequenceBound, edit)
            : LogKeeping.LoadHistory(context, setup.ChangeHistoryBytes, state, kept, edit);
        LogEra era = (edit.LogEra ?? state.LogEra)!.Value;
        edit.NextFileNumber = numbers.Next;
        edit.ClockMarkMilliseconds = clock.Mark;
        if (LostEdits.FindMismatch(edit, state) is { } mismatch) throw mismatch;
        ManifestWriter manifest = opening.MakeManifest(state);
        manifest.Append(edit);

        // Not before: what was read of the manifest may be only in the system's memory, and name fewer tables than the device does.
        DeleteTables(setup, unknownTables);
        if (kept is null) history.CutSlots();
        LevelMap levels = opening.MakeLevels(edit);
        LogWriter writer = opening.MakeLog(context, era, sequenceBound + 1, history, kept);
        MemTable[] frozen = kept is null ? [] : replay.FilledNewestFirst();
        return Assemble(opening, setup, manifest, levels, frozen, writer, clock, sequenceBound, numbers.Next);
    }

    /// <summary>What was found is in the edit's tables: a new log begins, and the old one becomes history.</summary>
    private static LogHistory BeginEra(
        EngineSetup setup,
        LogContext context,
        ManifestState state,
        LogRecoveryResult? log,
        bool isUnclean,
        ulong sequenceBound,
        LevelEdit edit)
    {
        LogPast past = PastLog.Of(state, log);
        LogHistory history = PastLog.LoadHistory(context, setup.ChangeHistoryBytes, past, log, isUnclean);
        edit.FlushedSequence = sequenceBound;
        edit.SequenceBound = sequenceBound;
        edit.LogEra = context.CreateEra(Math.Max(log?.HighestSegment ?? 0, state.LogEra?.FirstSegment ?? 0) + 1);
        edit.LogPast = past with { PastEras = history.SelectKept(past.PastEras) };
        return history;
    }

    /// <summary>Replays into memory only: nothing is created or written.</summary>
    public static Store OpenForReading(EngineSetup setup)
    {
        ThrowIfMissing(setup);
        using var opening = new Opening(setup, exclusive: false);
        ManifestState state = Manifest.Load(setup.Files, setup.Directory) ?? throw NoDatabase(setup);
        opening.MakeParts(state);
        CheckTablesExist(setup, state);
        using var replay = new Replay(setup, opening.Tables);
        LogRecoveryResult? log = ReplayLog(setup, state, replay);
        opening.Found(log, state);
        StoreClock clock = MakeClock(setup, state, log);
        ulong lastSequence = Math.Max(state.FlushedSequence, log?.LastSequence ?? 0);
        LevelMap levels = opening.MakeLevels(new LevelEdit());
        var views = new ReadViews(replay.Active, replay.FrozenNewestFirst(), levels, lastSequence);
        opening.Views = views;
        ManifestWriter manifest = opening.MakeManifest(state);
        LogHistory history = LogHistory.Load(LogContextOf(setup, state.DatabaseId), long.MaxValue, PastLog.Of(state, log));
        MapCatalog catalog = LoadCatalog(views, setup);
        return opening.Finish(new Store
        {
            Setup = setup,
            DirectoryLock = opening.DirectoryLock,
            Events = opening.Events,
            Recovery = opening.Recovery,
            WasUnclean = opening.WasUnclean,
            Cache = opening.Cache,
            Tables = opening.Tables,
            Views = views,
            Snapshots = new SnapshotList(views, clock),
            Clock = clock,
            Readers = new ReaderThreads(setup.Scheduler),
            Catalog = catalog,
            Changes = new ChangeSource(setup.Files, history, log: null, views, catalog) { Window = log?.Window },
            Levels = new LevelStore(setup.Scheduler, manifest, opening.Tables, views, clock, levels, state.NextFileNumber),
        });
    }

    private static Store Assemble(
        Opening opening,
        EngineSetup setup,
        ManifestWriter manifest,
        LevelMap levels,
        MemTable[] frozen,
        LogWriter log,
        StoreClock clock,
        ulong visibleSequence,
        long nextFileNumber)
    {
        var active = new MemTable(setup.Pool, setup.Compaction.MemtableBytes);
        ReadViews views;
        try
        {
            views = opening.Views = new ReadViews(active, frozen, levels, visibleSequence);
        }
        finally
        {
            active.Release();
        }

        var snapshots = new SnapshotList(views, clock);
        var levelStore = new LevelStore(setup.Scheduler, manifest, opening.Tables, views, clock, levels, nextFileNumber);
        var pacer = new WritePacer(setup.Scheduler);
        var upkeep = new Upkeep(new UpkeepContext
        {
            Scheduler = setup.Scheduler,
            Files = setup.Files,
            Directory = setup.Directory,
            Pool = setup.Pool,
            Views = views,
            Snapshots = snapshots,
            Tables = opening.Tables,
            Levels = levelStore,
            Pacer = pacer,
            Options = setup.Compaction,
            UpperFormat = setup.UpperFormat,
            BottomFormat = setup.BottomFormat,
            MemtableCountMax = MemoryPlan.MemtableCountMax,
            CompactionThreads = setup.CompactionThreads,
            Events = opening.Events,
        });
        MapCatalog catalog = LoadCatalog(views, setup);
        var commit = new CommitQueue(
            setup.Scheduler, log, views, clock, upkeep, pacer, MapCatalog.Root, catalog.NextRecordedId)
        {
            Events = opening.Events,
        };
        var durable = new DurablePoint(views, log, levelStore, upkeep);
        Store store = opening.Finish(new Store
        {
            Setup = setup,
            DirectoryLock = opening.DirectoryLock,
            Events = opening.Events,
            Recovery = opening.Recovery,
            WasUnclean = opening.WasUnclean,
            Cache = opening.Cache,
            Tables = opening.Tables,
            Views = views,
            Snapshots = snapshots,
            Clock = clock,
            Readers = new ReaderThreads(setup.Scheduler),
            Catalog = catalog,
            Changes = new ChangeSource(setup.Files, log.History, log, views, catalog)
            {
                GetDurableSequence = () => durable.Sequence,
                DrainLog = commit.DrainLog,
            },
            Levels = levelStore,
            Log = log,
            Durable = durable,
            Commit = commit,
            Upkeep = upkeep,
            Pacer = pacer,
        });
        upkeep.Start(commit);
        return store;
    }

    internal static LogRecoveryResult? ReplayLog(EngineSetup setup, ManifestState state, Replay replay, LogKeeper? keeper = null)
    {
        if (state.LogEra is not { } era) return null;
        LogContext log = LogContextOf(setup, state.DatabaseId);
        using Activity? activity = EngineActivities.Start("varve.replay", setup.Directory);
        LogRecoveryResult result = LogRecovery.Run(
            log, era, state.FlushedSequence, state.CleanEnd, replay.Take, CancellationToken.None, keeper);
        if (LostEdits.FindLostIngest(replay.IngestSequence, result, state) is { } damage) throw damage;
        activity?.SetTag("varve.records", result.RecordCount);
        activity?.SetTag("varve.read_bytes", result.BytesRead);
        return result;
    }

    /// <summary>Time goes on from the highest that manifest or log have of it.</summary>
    private static StoreClock MakeClock(EngineSetup setup, ManifestState state, LogRecoveryResult? log) =>
        new(setup.Scheduler.Clock, Math.Max(state.ClockMarkMilliseconds, log?.ClockMark ?? 0));

    internal static LogContext LogContextOf(EngineSetup setup, DatabaseId databaseId) =>
        new(setup.Files, setup.Directory, databaseId, setup.Random, setup.LogSegmentBytes);

    private static MapCatalog LoadCatalog(ReadViews views, EngineSetup setup)
    {
        ReadView view = views.Pin();
        try
        {
            return MapCatalog.Load(view, views.VisibleSequence, setup.Directory);
        }
        finally
        {
            view.Release();
        }
    }

    /// <summary>Every table of the manifest has a file; its content is checked as it is read.</summary>
    internal static HashSet<long> CheckTablesExist(EngineSetup setup, ManifestState state)
    {
        var present = new HashSet<string>(setup.Files.ListFiles(setup.Directory), StringComparer.Ordinal);
        var known = new HashSet<long>();
        foreach (LeveledTable table in state.Tables)
        {
            string name = FileNames.Table(table.Info.Number);
            if (!present.Contains(name))
                throw new CorruptDataException(Path.Combine(setup.Directory, name), 0, LostEdits.DescribeMissing(table, state));
            known.Add(table.Info.Number);
        }

        return known;
    }

    /// <summary>Table files that the manifest does not name: outputs of jobs that a crash cut short.</summary>
    internal static List<long> FindUnknownTables(EngineSetup setup, HashSet<long> known)
    {
        var unknown = new List<long>();
        foreach (string name in setup.Files.ListFiles(setup.Directory))
        {
            if (FileNames.TryParseTable(name, out long number) && !known.Contains(number)) unknown.Add(number);
        }

        return unknown;
    }

    internal static void DeleteTables(EngineSetup setup, List<long> numbers)
    {
        foreach (long number in numbers) setup.Files.Delete(Path.Combine(setup.Directory, FileNames.Table(number)));
    }

    private static void ThrowIfMissing(EngineSetup setup)
    {
        // Before the directory is locked: the lock would leave a file in it.
        if (!setup.Files.DirectoryExists(setup.Directory)) throw NoDatabase(setup);
        if (setup.Files.FileExists(Path.Combine(setup.Directory, FileNames.Current))) return;
        if (Manifest.Load(setup.Files, setup.Directory) is null) throw NoDatabase(setup);
    }

    private static DirectoryNotFoundException NoDatabase(EngineSetup setup) => new($"There is no database in '{setup.Directory}'.");
}
