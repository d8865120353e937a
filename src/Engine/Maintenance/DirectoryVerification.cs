using Varve.Bytes;
using Varve.Commit;
using Varve.Entries;
using Varve.Files;
using Varve.Levels;
using Varve.Log;
using Varve.Recovery;
using Varve.Runtime;
using Varve.Tables;

namespace Varve.Maintenance;

/// <summary>
/// Reads every file of a database that is not open, whether or not it can be opened, and changes nothing. The caller holds the directory's
/// lock. Memory: a table's block and a large value at a time.
/// </summary>
internal sealed class DirectoryVerification(
    IFileSystem files, string directory, IProgress<VerifyProgress>? progress, CancellationToken cancellation)
{
    private readonly List<VerifyProblem> _problems = [];
    private readonly List<VerifyProblem> _notes = [];

    /// <summary>Numbers of the manifest's tables.</summary>
    private readonly HashSet<long> _known = [];
    private readonly Dictionary<string, long> _lengths = new(StringComparer.Ordinal);
    private long _bytesDone;
    private long _bytesTotal;
    private int _tables;
    private long _entries;
    private long _logRecords;
    private ulong _ingestSequence;

    /// <summary>What the manifest tells; set by <see cref="Run"/>.</summary>
    public ManifestReading Manifest { get; private set; } = null!;

    /// <summary>False when an open would refuse the log.</summary>
    public bool IsLogSound { get; private set; } = true;

    /// <summary>True when the log has an ingest that the manifest has lost: the tables of it are there, but nothing names them.</summary>
    public bool IsIngestLost { get; private set; }

    /// <summary>The names of the maps, as far as they can be read.</summary>
    public SeenCatalog Catalog { get; } = new();

    /// <summary>True when the records of the catalogue contradict each other, or are none.</summary>
    public bool IsCatalogWrong { get; private set; }

    /// <summary>Numbers of the manifest's tables that are missing or damaged.</summary>
    public HashSet<long> BadTables { get; } = [];

    /// <exception cref="DirectoryNotFoundException">There is no database in the directory.</exception>
    public DirectoryVerifyReport Run()
    {
        Manifest = ManifestReading.Run(files, directory);
        _problems.AddRange(Manifest.Problems);
        _notes.AddRange(Manifest.Notes);
        Measure();
        if (Manifest.State is { } state)
        {
            VerifyTables(state);
            VerifyLog(state);
        }
        else
        {
            foreach (string name in _lengths.Keys)
            {
                if (FileNames.TryParseTable(name, out _)) VerifyTable(name, expected: null, owner: null);
            }

            IsLogSound = false;
        }

        InspectSlots();
        NoteOthers();
        List<string> wrong = Catalog.FindProblems();
        IsCatalogWrong = wrong.Count > 0;

        // Where a file is damaged, that may be all there is to it.
        if (_problems.Count == 0) _problems.AddRange(wrong.ConvertAll(problem => new VerifyProblem("", 0, problem)));

        return new DirectoryVerifyReport
        {
            Directory = directory,
            DatabaseId = Manifest.State?.DatabaseId.ToString(),
            WasClosedCleanly = Manifest.State?.CleanEnd is not null,
            Tables = _tables,
            Entries = _entries,
            LogSlots = _lengths.Keys.Count(name => FileNames.TryParseLogSlot(name, out _)),
            LogRecords = _logRecords,
            Bytes = _bytesTotal,
            Problems = _problems,
            Notes = _notes,
        };
    }

    private void Measure()
    {
        foreach (string name in files.ListFiles(directory))
        {
            try
            {
                using IFile file = files.Open(Path.Combine(directory, name), FileOpening.Read);
                _lengths[name] = file.Length;
                _bytesTotal += file.Length;
            }
            catch (StorageException refusal) when (!IsOfDatabase(name))
            {
                _notes.Add(new VerifyProblem(name, 0, "not a file of the database, and cannot be read: " + refusal.Message));
            }
        }
    }

    private static bool IsOfDatabase(string name) =>
        name is FileNames.Lock or FileNames.Current or FileNames.CurrentTemporary or FileNames.Reserve
            || FileNames.IsOfLog(name)
            || FileNames.TryParseTable(name, out _)
            || FileNames.TryParseManifest(name, out _);

    private void VerifyTables(ManifestState state)
    {
        foreach (LeveledTable table in state.Tables.OrderBy(table => table.Info.Number))
        {
            cancellation.ThrowIfCancellationRequested();
            string name = FileNames.Table(table.Info.Number);
            _known.Add(table.Info.Number);
            if (_lengths.ContainsKey(name))
            {
                if (!VerifyTable(name, table.Info, state.DatabaseId)) BadTables.Add(table.Info.Number);
                continue;
            }

            BadTables.Add(table.Info.Number);
            _problems.Add(new VerifyProblem(name, 0, LostEdits.DescribeMissing(table, state)));
        }
    }

    private bool VerifyTable(string name, TableInfo? expected, DatabaseId? owner)
    {
        using var inspector = new TableInspector(files, Path.Combine(directory, name), onEntry: null)
        {
            Expected = expected,
            ExpectedOwner = owner,
            OnStored = Catalog.Take,
            Progress = progress is null ? null : new FileProgress(this, _bytesDone),
        };
        inspector.Run(cancellation);
        foreach (InspectionProblem problem in inspector.Problems) _problems.Add(new VerifyProblem(name, problem.Offset, problem.Detail));
        _tables++;
        _entries += inspector.Entries;
        Done(name);
        return inspector.Problems.Count == 0;
    }

    private void VerifyLog(ManifestState state)
    {
        if (state.LogEra is not { } era) return;
        var context = new LogContext(files, directory, state.DatabaseId, RandomSource.System, LogFormat.SegmentGranularityBytes);
        try
        {
            LogRecoveryResult log = LogRecovery.Run(context, era, state.FlushedSequence, state.CleanEnd, TakeRecord, cancellation);
            _logRecords = log.RecordCount;
            if (LostEdits.FindLostIngest(_ingestSequence, log, state) is not { } lost) return;
            IsIngestLost = true;
            _problems.Add(VerifyProblem.Of(lost));
        }
        catch (CorruptDataException damage)
        {
            IsLogSound = false;
            _problems.Add(VerifyProblem.Of(damage));
        }
    }

    private void TakeRecord(ulong firstSequence, int sequenceCount, ReadOnlySpan<byte> payload)
    {
        if (!BatchReader.IsBatch(payload, sequenceCount))
        {
            throw new CorruptDataException(
                directory, 0, $"the log's record of sequence {firstSequence} holds no batch of {sequenceCount} operations");
        }

        Catalog.Take(firstSequence, payload);
        var reader = new BatchReader(payload);
        while (reader.TryNext())
        {
            if (reader.Kind == EntryKind.Ingest) _ingestSequence = firstSequence + (ulong)sequenceCount - 1;
        }
    }

    /// <summary>Where an open accepts the log, what is wrong in its slots is a torn tail, or the history that only feeds read.</summary>
    private void InspectSlots()
    {
        List<VerifyProblem> found = IsLogSound ? _notes : _problems;
        foreach (string name in _lengths.Keys)
        {
            if (!FileNames.TryParseLogSlot(name, out _)) continue;
            LogInspection log = new LogInspector(Path.Combine(directory, name), onFrame: null, onEntry: null).Run(files, cancellation);
            foreach (InspectionProblem problem in log.Problems)
            {
                if (!_problems.Exists(known => known.FileName == name && known.Offset == problem.Offset))
                    found.Add(new VerifyProblem(name, problem.Offset, problem.Detail));
            }

            Done(name);
        }
    }

    private void NoteOthers()
    {
        foreach (string name in _lengths.Keys)
        {
            if (name is FileNames.Lock or FileNames.Current or FileNames.Reserve || FileNames.IsOfLog(name)) continue;
            string? note = null;
            if (FileNames.TryParseTable(name, out long number)) note = NoteOnTable(number);
            else if (name == FileNames.CurrentTemporary) note = "left behind by a crash";
            else if (!FileNames.TryParseManifest(name, out _)) note = "not a file of the database";
            else if (name != Manifest.FileName) note = "a manifest that does not count";
            if (note is not null) _notes.Add(new VerifyProblem(name, 0, note));
        }
    }

    private string? NoteOnTable(long number)
    {
        if (Manifest.State is null || _known.Contains(number)) return null;
        return Manifest.Removed.Contains(number)
            ? "in no level any more: it waits for its removal"
            : "in no level: its job was not finished, or it waits for its removal";
    }

    private void Done(string name)
    {
        _bytesDone += _lengths[name];
        progress?.Report(new VerifyProgress(_bytesDone, _bytesTotal));
    }

    private sealed class FileProgress(DirectoryVerification whole, long bytesBefore) : IProgress<long>
    {
        public void Report(long value) => whole.Tell(bytesBefore + value);
    }

    private void Tell(long bytes) => progress?.Report(new VerifyProgress(bytes, _bytesTotal));
}
