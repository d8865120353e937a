using Varve.Files;
using Varve.Levels;
using Varve.Log;

namespace Varve.Maintenance;

/// <summary>Tells of each file in a directory what it is to the database.</summary>
internal sealed class DirectoryInspector(IFileSystem files, string directory)
{
    private readonly List<string> _problems = [];
    private ManifestInspection? _manifest;
    private string? _manifestName;
    private Dictionary<string, ManifestTable> _tables = new(StringComparer.Ordinal);

    /// <summary>The era's segments, by the name of their slot.</summary>
    private readonly Dictionary<string, LogSegmentHeader> _segments = new(StringComparer.Ordinal);

    public DirectoryInspection Run()
    {
        if (!files.DirectoryExists(directory)) throw new DirectoryNotFoundException($"There is no directory '{directory}'.");
        IReadOnlyList<string> names = files.ListFiles(directory);
        FindManifest(names);
        var inspected = new List<FileInspection>();
        if (_manifest is not null)
        {
            _tables = _manifest.State.Added.ToDictionary(table => table.FileName, StringComparer.Ordinal);
            FindSegments(names, _manifest);
        }

        foreach (string name in names)
        {
            // A file may go while an open database is looked at.
            if (TryInspect(name) is { } file) inspected.Add(file);
        }

        foreach (string missing in _tables.Keys.Except(names, StringComparer.Ordinal))
            _problems.Add($"'{missing}' is missing; the manifest has it on level {_tables[missing].Level}");
        return new DirectoryInspection { Directory = directory, Files = inspected, Manifest = _manifest, Problems = _problems };
    }

    private string PathOf(string name) => Path.Combine(directory, name);

    private void FindManifest(IReadOnlyList<string> names)
    {
        List<long> numbers = [];
        foreach (string name in names)
        {
            if (FileNames.TryParseManifest(name, out long found)) numbers.Add(found);
        }

        if (!names.Contains(FileNames.Current))
        {
            _problems.Add(numbers.Count > 0 ? "CURRENT is missing" : "there is no database");
        }
        else if (!CurrentFile.TryParse(ReadCurrent(), out long number, out _))
        {
            _problems.Add("CURRENT does not name a manifest with the right checksum");
        }
        else
        {
            _manifestName = FileNames.Manifest(number);
            if (!numbers.Contains(number)) _problems.Add($"'{_manifestName}' is missing, which CURRENT names");
        }

        if (numbers.Count == 0) return;
        if (_manifestName is null || !names.Contains(_manifestName)) _manifestName = FileNames.Manifest(numbers.Max());
        _manifest = ManifestInspector.Run(files, PathOf(_manifestName));
    }

    private byte[] ReadCurrent()
    {
        using IFile file = files.Open(PathOf(FileNames.Current), FileOpening.Read);
        byte[] bytes = new byte[CurrentFile.BytesMax + 1];
        return bytes[..file.Read(bytes, 0)];
    }

    private void FindSegments(IReadOnlyList<string> names, ManifestInspection manifest)
    {
        using var reader = new LogFrameReader(CancellationToken.None);
        foreach (string name in names)
        {
            if (!FileNames.TryParseLogSlot(name, out _)) continue;
            reader.Open(files, PathOf(name));
            if (!reader.TryReadHeader(out LogSegmentHeader header)) continue;
            bool isOfEra = header.DatabaseId.ToString() == manifest.DatabaseId && header.Number >= manifest.State.LogFirstSegment;
            if (isOfEra && header.Number != LogSegmentHeader.SpareNumber) _segments[name] = header;
        }
    }

    private FileInspection? TryInspect(string name)
    {
        try
        {
            long bytes;
            using (IFile file = files.Open(PathOf(name), FileOpening.Read)) bytes = file.Length;
            return Inspect(name, bytes);
        }
        catch (StorageException) when (!files.FileExists(PathOf(name)))
        {
            return null;
        }
    }

    private FileInspection Inspect(string name, long bytes)
    {
        if (name == FileNames.Lock) return Describe(DatabaseFileKind.Lock, false, "held while the database is open");
        if (name == FileNames.Current) return Describe(DatabaseFileKind.Current, true, "names the manifest");
        if (name == FileNames.CurrentTemporary) return Describe(DatabaseFileKind.Current, false, "left behind by a crash");
        if (FileNames.TryParseManifest(name, out _)) return InspectManifest();
        if (FileNames.TryParseTable(name, out _)) return InspectTable();
        if (FileNames.TryParseLogSlot(name, out _)) return InspectLog();
        if (name == FileNames.LogWindow) return InspectWindow();
        if (name == FileNames.Reserve) return Describe(DatabaseFileKind.Reserve, false, "room for an open on a full disk");
        return Describe(DatabaseFileKind.Unknown, false, "not a file of the database");

        FileInspection Describe(DatabaseFileKind kind, bool isNeeded, string role, string? problem = null) => new()
        {
            FileName = name,
            Kind = kind,
            Bytes = bytes,
            IsNeeded = isNeeded,
            Role = role,
            Problem = problem,
        };

        FileInspection InspectManifest()
        {
            if (name != _manifestName) return Describe(DatabaseFileKind.Manifest, false, "left behind by a crash");
            string edits = $"{_manifest!.Edits.Count} edits, {_tables.Count} tables";
            return Describe(DatabaseFileKind.Manifest, true, edits, _manifest.Problems.Count > 0 ? _manifest.Problems[0].Detail : null);
        }

        FileInspection InspectTable()
        {
            string? problem = TableInspector.FindFooterProblem(files, PathOf(name));
            if (!_tables.TryGetValue(name, out ManifestTable? table))
            {
                const string Role = "in no level: its job was not finished, or it waits for its removal";
                return Describe(DatabaseFileKind.Table, false, Role, problem);
            }

            if (table.Bytes != bytes) problem = $"the manifest says {table.Bytes} bytes";
            return Describe(DatabaseFileKind.Table, true, $"level {table.Level}", problem);
        }

        FileInspection InspectWindow()
        {
            // Of an open database, too, it may hold what is in no slot.
            foreach (LogSegmentHeader header in _segments.Values)
            {
                if (LogWindowContent.TryRead(files, directory, header.DatabaseId) is not { } window || !window.Fits(name, header)) continue;
                bool isNeeded = _manifest!.State.CleanEnd is null;
                return Describe(DatabaseFileKind.LogWindow, isNeeded, $"the end of segment {header.Number}");
            }

            return Describe(DatabaseFileKind.LogWindow, false, "holds nothing of the log");
        }

        FileInspection InspectLog()
        {
            using var reader = new LogFrameReader(CancellationToken.None);
            reader.Open(files, PathOf(name));
            if (!reader.TryReadHeader(out LogSegmentHeader header))
                return Describe(DatabaseFileKind.Log, false, "unknown", "the header cannot be read");
            if (header.Number == LogSegmentHeader.SpareNumber) return Describe(DatabaseFileKind.Log, false, "spare");
            if (!_segments.ContainsKey(name)) return Describe(DatabaseFileKind.Log, false, $"segment {header.Number}, of an earlier open");
            return IsReplayed(header)
                ? Describe(DatabaseFileKind.Log, true, $"segment {header.Number}")
                : Describe(DatabaseFileKind.Log, false, $"segment {header.Number}, all of it in tables");
        }
    }

    /// <summary>Replay begins with the highest segment that starts at or below what is in tables.</summary>
    private bool IsReplayed(LogSegmentHeader header)
    {
        ulong flushed = _manifest!.State.FlushedSequence ?? 0;
        foreach (LogSegmentHeader other in _segments.Values)
        {
            if (other.Number > header.Number && other.StartSequence <= flushed) return false;
        }

        return true;
    }
}
