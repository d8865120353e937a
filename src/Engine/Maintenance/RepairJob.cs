using Varve.Bytes;
using Varve.Catalog;
using Varve.Files;
using Varve.Levels;
using Varve.Recovery;
using Varve.Runtime;
using Varve.Tables;

namespace Varve.Maintenance;

/// <summary>
/// Repairs a directory that the caller has locked and verified. Everything is written beside what is there; one rename of CURRENT makes it
/// count. Until then a crash or a failure has changed nothing, from then on the database is sound.
/// </summary>
internal sealed class RepairJob(IFileSystem files, RandomSource random, string directory, bool isDryRun, CancellationToken cancellation)
{
    private readonly SetAside _setAside = new(files, directory, isDryRun);
    private readonly List<RepairTable> _tables = [];

    /// <summary>Tables that were there before and are sound.</summary>
    private readonly HashSet<string> _verifiedNames = new(StringComparer.Ordinal);

    /// <summary>Files of tables that go aside.</summary>
    private readonly SortedSet<string> _replaced = new(StringComparer.Ordinal);
    private DirectoryVerification _verification = null!;
    private RepairWork _work = null!;
    private LogSalvage? _log;
    private int _salvaged;
    private bool _mayBeDone;

    /// <summary>Of sound tables that were written from memory: everything up to it is in tables.</summary>
    private ulong _flushedSequence;

    public RepairReport Run(DirectoryVerification verification, DirectoryVerifyReport found)
    {
        if (found.IsSound) return ReportSound(found);
        _verification = verification;
        DatabaseId owner = Manifest.State?.DatabaseId ?? OwnerSearch.Run(files, directory);
        using var work = new RepairWork(files, directory, owner, NextNumber(), random, isDryRun, cancellation);
        _work = work;
        bool isDone = false;
        try
        {
            RepairReport report = Repair(found);
            isDone = true;
            return report;
        }
        finally
        {
            // Once the manifest may name them, they stay.
            if (!isDone && !_mayBeDone && !isDryRun) work.DeleteWritten();
        }
    }

    private ManifestReading Manifest => _verification.Manifest;

    private RepairReport Repair(DirectoryVerifyReport found)
    {
        ManifestState? state = Manifest.State;
        bool adopts = Manifest.IsDamaged
            || _verification.IsIngestLost
            || state!.Tables.Any(table => !files.FileExists(_work.PathOf(FileNames.Table(table.Info.Number))));
        bool rebuildsLog = Manifest.IsDamaged || !_verification.IsLogSound || adopts || _verification.IsCatalogWrong || IsCatalogHit();
        TakeKnownTables();
        if (adopts) AdoptTables();
        _work.Catalog.Take(_verification.Catalog);
        ulong lastSequence = Math.Max(state?.SequenceBound ?? 0, state?.FlushedSequence ?? 0);
        foreach (RepairTable table in _tables) lastSequence = Math.Max(lastSequence, table.Info.LargestSequence);
        if (rebuildsLog) lastSequence = Math.Max(lastSequence, RebuildLog());
        var merge = new RepairMerge(_work);
        List<RepairTable> placed = merge.Run(_tables);
        var catalog = new CatalogRepair(_work);
        if (rebuildsLog && !isDryRun && catalog.Run(placed, ref lastSequence) is { } changes) placed.Add(changes);
        Install(placed, rebuildsLog, lastSequence);
        return new RepairReport
        {
            Directory = directory,
            DatabaseId = _work.Owner.ToString(),
            IsDryRun = isDryRun,
            WasSound = false,
            Found = found.Problems,
            Losses = _work.GetLosses(),
            Risks = _work.Risks,
            TablesKept = placed.Count(table => _verifiedNames.Contains(FileNames.Table(table.Info.Number))),
            TablesSalvaged = _salvaged,
            TablesMerged = merge.MergedCount,
            LogRecords = _log?.Records ?? 0,
            RenamedMaps = catalog.RenamedMaps,
            SetAsideIn = _setAside.FolderName,
            SetAside = _setAside.Names,
            Remaining = isDryRun ? [] : VerifyAgain(),
        };
    }

    /// <summary>By now the repair counts, and what it lost has to be told, whatever happens.</summary>
    private IReadOnlyList<VerifyProblem> VerifyAgain()
    {
        try
        {
            return new DirectoryVerification(files, directory, progress: null, CancellationToken.None).Run().Problems;
        }
        catch (StorageException failure)
        {
            return [new VerifyProblem(Path.GetFileName(failure.Path), 0, $"could not be read again: {failure.Message}")];
        }
    }

    private RepairReport ReportSound(DirectoryVerifyReport found) => new()
    {
        Directory = directory,
        DatabaseId = found.DatabaseId,
        IsDryRun = isDryRun,
        WasSound = true,
        Found = [],
        Losses = [],
        Risks = [],
        TablesKept = found.Tables,
        TablesSalvaged = 0,
        TablesMerged = 0,
        LogRecords = 0,
        RenamedMaps = [],
        SetAsideIn = null,
        SetAside = [],
        Remaining = [],
    };

    private long NextNumber()
    {
        long next = Manifest.State?.NextFileNumber ?? 1;
        foreach (string name in files.ListFiles(directory))
        {
            if (FileNames.TryParseTable(name, out long number)) next = Math.Max(next, number + 1);
        }

        return next;
    }

    /// <summary>A missing or damaged table may have held records of the catalogue.</summary>
    private bool IsCatalogHit() => Manifest.State is { } state
        && state.Tables.Any(table => _verification.BadTables.Contains(table.Info.Number)
            && table.Info.SmallestKey.AsSpan().SequenceCompareTo(MapCatalog.Root.PrefixEnd) < 0);

    /// <summary>Tables of the manifest: as they are, or what can be read of them, on their level.</summary>
    private void TakeKnownTables()
    {
        if (Manifest.State is not { } state) return;

        // Edits that are missing may leave tables on levels where they cannot be.
        bool hasLevels = state.FindProblem() is null;
        foreach (LeveledTable table in state.Tables.OrderBy(table => table.Info.Number))
        {
            string name = FileNames.Table(table.Info.Number);
            int? level = hasLevels ? table.Level : null;
            if (!_verification.BadTables.Contains(table.Info.Number))
            {
                _tables.Add(new RepairTable(table.Info, level));
                _verifiedNames.Add(name);
                _flushedSequence = Math.Max(_flushedSequence, table.Info.LargestSequence);
            }
            else if (files.FileExists(_work.PathOf(name)))
            {
                if (Salvage(name, table.Info) is { } salvaged) _tables.Add(new RepairTable(salvaged, level));
            }
            else
            {
                var lost = new LostKeys(null, null, 0, $"the file is missing, with {table.Info.EntryCount} entries");
                _work.Lose(lost, name, table.Info.SmallestKey, table.Info.LargestKey);
            }
        }
    }

    /// <summary>The new table of what can be read; null where that is nothing, or nothing is to be written.</summary>
    private TableInfo? Salvage(string name, TableInfo? expected)
    {
        var salvage = new TableSalvage(_work, name, expected);
        salvage.Run();
        _replaced.Add(name);
        if (salvage.HasEntries) _salvaged++;
        return salvage.Result;
    }

    /// <summary>Tables that no readable edit names: the newest ones, if edits are lost; all, where no manifest is left.</summary>
    private void AdoptTables()
    {
        var ingested = new List<(string Name, TableInfo Info, ulong Floor)>();
        var written = new HashSet<long>(_tables.Select(table => table.Info.Number));
        if (Manifest.State is { } state) written.UnionWith(state.Tables.Select(table => table.Info.Number));
        int adopted = 0;
        foreach (string name in files.ListFiles(directory))
        {
            bool isUnknown = FileNames.TryParseTable(name, out long number)
                && name == FileNames.Table(number)
                && !Manifest.Removed.Contains(number)
                && !written.Contains(number);
            if (!isUnknown) continue;
            adopted++;
            using var inspector = new TableInspector(files, _work.PathOf(name), onEntry: null) { ExpectedOwner = _work.Owner };
            inspector.Run(cancellation);
            bool isSound = inspector.Problems.Count == 0;
            if (isSound) _verifiedNames.Add(name);
            if ((isSound ? inspector.ToInfo(number) : Salvage(name, expected: null)) is not { } info) continue;
            if (info.LargestSequence == 0)
            {
                ingested.Add((name, info, inspector.Properties?.SequenceFloor ?? 0));
                continue;
            }

            _tables.Add(new RepairTable(info, Level: null));
            if (isSound) _flushedSequence = Math.Max(_flushedSequence, info.LargestSequence);
        }

        if (ingested.Count > 0) AdoptIngested(ingested);
        if (adopted == 0) return;
        _work.Risks.Add(
            $"{adopted} tables were taken that no readable manifest names. If one of them had already been replaced by a compaction, "
            + "entries that were deleted since may be back.");
    }

    /// <summary>The sequence of an ingest stood in the manifest; the log may still have its mark.</summary>
    private void AdoptIngested(List<(string Name, TableInfo Info, ulong Floor)> tables)
    {
        var marks = new LogSalvage(files, directory, _work.Owner, cancellation) { ReadsAllEras = true };
        marks.Run(floor: 0, sink: null);
        foreach ((string name, TableInfo info, ulong floor) in tables)
        {
            ulong sequence = 0;
            foreach (IngestMark mark in marks.IngestMarks)
            {
                bool covers = mark.First.AsSpan().SequenceCompareTo(info.SmallestKey) <= 0
                    && mark.Last.AsSpan().SequenceCompareTo(info.LargestKey) >= 0;
                if (sequence == 0 && covers && mark.Sequence > floor) sequence = mark.Sequence;
            }

            if (sequence == 0)
            {
                sequence = floor + 1;
                _work.Risks.Add(
                    $"'{name}' was ingested, and when is not known: it stands below everything that was written after its ingest had "
                    + "begun. If that was never committed, its entries are there all the same.");
            }

            _tables.Add(new RepairTable(info.AtSequence(sequence), Level: null));
        }
    }

    /// <summary>Writes what the log holds above the tables to new tables; returns its last sequence.</summary>
    private ulong RebuildLog()
    {
        ManifestState? state = Manifest.State;
        ulong floor = state?.FlushedSequence ?? 0;
        ulong largest = 0;
        foreach (RepairTable table in _tables) largest = Math.Max(largest, table.Info.LargestSequence);

        // Not by tables of which a part is lost, nor by ingested ones, which may never have been committed: of what was written before
        // them some may be in the log only.
        if (Manifest.IsDamaged) floor = Math.Max(floor, _flushedSequence);
        _log = new LogSalvage(files, directory, _work.Owner, cancellation)
        {
            Era = Manifest.IsDamaged ? null : state?.LogEra,
            CleanEnd = Manifest.IsDamaged ? null : state?.CleanEnd,
            KnownSequence = Manifest.IsDamaged ? largest : 0,
        };
        using var replay = new Replay(_work.Setup, _work.Tables);
        _log.Run(floor, (first, count, payload) =>
        {
            _work.Catalog.Take(first, payload);
            if (!isDryRun) replay.Take(first, count, payload);
        });
        foreach (LostSequences lost in _log.Lost) _work.Lose(lost);
        if (!isDryRun)
        {
            // Newer than everything in tables, or tables were taken of which nobody knows that.
            int? level = _log.FirstDelivered > largest ? 0 : null;
            foreach (LeveledTable table in replay.WriteTables(_work.Numbers).Added) _tables.Add(new RepairTable(table.Info, level));
        }

        return _log.LastSequence;
    }

    /// <summary>Puts second names on what goes aside, makes the new manifest count, and takes the first names away.</summary>
    private void Install(List<RepairTable> placed, bool rebuildsLog, ulong lastSequence)
    {
        ManifestState? before = Manifest.State;
        var edit = new LevelEdit
        {
            FlushedSequence = rebuildsLog ? lastSequence : before!.FlushedSequence,
            SequenceBound = rebuildsLog ? lastSequence : before!.SequenceBound,
            NextFileNumber = _work.Numbers.Next,
            LogEra = rebuildsLog ? null : before!.LogEra,
            LogPast = rebuildsLog ? null : before!.LogPast,
            CleanEnd = rebuildsLog ? null : before!.CleanEnd,
            ClockMarkMilliseconds = Math.Max(before?.ClockMarkMilliseconds ?? 0, _log?.ClockMark ?? 0),
        };
        foreach (RepairTable table in placed) edit.Add(table.Level ?? LevelMap.BottomLevel, table.Info);
        ChooseSetAside(placed, rebuildsLog);
        if (isDryRun) return;

        files.SyncDirectory(directory);
        _setAside.Sync();
        cancellation.ThrowIfCancellationRequested();
        _mayBeDone = true;
        using (var writer = new ManifestWriter(files, directory, new ManifestState(_work.Owner), random, keepsOthers: true))
            writer.Append(edit);
        _setAside.Finish();
    }

    private void ChooseSetAside(List<RepairTable> placed, bool rebuildsLog)
    {
        var kept = new HashSet<string>(placed.Select(table => FileNames.Table(table.Info.Number)), StringComparer.Ordinal);
        foreach (string name in files.ListFiles(directory))
        {
            if (FileNames.TryParseManifest(name, out _))
            {
                _setAside.Link(name);
            }
            else if (FileNames.TryParseTable(name, out long number))
            {
                // Those that a sound manifest does not name are obsolete, and the next open deletes them.
                bool isReplaced = _replaced.Contains(name) || _verifiedNames.Contains(name) || Manifest.IsDamaged;
                if (isReplaced && !kept.Contains(name)) _setAside.Link(name);
            }
            else if (name == FileNames.Current || (rebuildsLog && FileNames.IsOfLog(name)))
            {
                _setAside.Copy(name);
            }
        }
    }
}
