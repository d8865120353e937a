using Varve.Files;
using Varve.Levels;

namespace Varve.Maintenance;

/// <summary>What CURRENT and the manifests of a directory tell, also where an open would refuse them.</summary>
internal sealed class ManifestReading
{
    private readonly List<VerifyProblem> _problems = [];
    private readonly List<VerifyProblem> _notes = [];

    private ManifestReading()
    {
    }

    /// <summary>The manifest that was read; null when none can be.</summary>
    public string? FileName { get; private set; }

    /// <summary>As far as it can be read; null without any manifest.</summary>
    public ManifestState? State { get; private set; }

    /// <summary>An open accepts it.</summary>
    public bool IsWhole => _problems.Count == 0;

    /// <summary>Edits are missing, or this is not the manifest that counted: what it says of tables and log may be of the past.</summary>
    public bool IsDamaged { get; private set; } = true;

    /// <summary>Tables that some manifest names and this one does not, any more.</summary>
    public HashSet<long> Removed { get; } = [];

    public IReadOnlyList<VerifyProblem> Problems => _problems;

    public IReadOnlyList<VerifyProblem> Notes => _notes;

    /// <exception cref="DirectoryNotFoundException">There is no database in the directory.</exception>
    public static ManifestReading Run(IFileSystem files, string directory)
    {
        if (!files.DirectoryExists(directory)) throw new DirectoryNotFoundException($"There is no directory '{directory}'.");
        var reading = new ManifestReading();
        CorruptDataException? refusal = null;
        try
        {
            if (Manifest.Load(files, directory) is null) throw new DirectoryNotFoundException($"There is no database in '{directory}'.");
        }
        catch (CorruptDataException damage)
        {
            refusal = damage;
            reading._problems.Add(VerifyProblem.Of(damage));
        }

        reading.Read(files, directory, isRefused: refusal is not null);
        return reading;
    }

    private void Read(IFileSystem files, string directory, bool isRefused)
    {
        ManifestFileReading? best = null;
        long? current = FindCurrent(files, directory);
        foreach (long number in Candidates(files, directory, current))
        {
            string name = FileNames.Manifest(number);
            ManifestFileReading found = ManifestFileReading.Run(files, Path.Combine(directory, name));

            // Without its first frame, which has the whole state, the rest tells only of changes.
            bool isUsable = found.Header is not null && found.Edits.Count > 0 && found.Edits[0].Offset == ManifestFormat.HeaderBytes;
            foreach (FoundEdit edit in found.Edits)
            {
                foreach (LeveledNumber gone in edit.Edit.Removed) Removed.Add(gone.Number);
                foreach (LeveledTable added in edit.Edit.Added) Removed.Add(added.Info.Number);
            }

            if (best is not null || !isUsable)
            {
                if (isRefused && !isUsable) Report(name, found);
                continue;
            }

            best = found;
            IsDamaged = found.Problems.Problems.Count > 0 || (current is { } counted && counted != number);
            FileName = name;
            if (isRefused) Report(name, found);
            if (found.EndsTorn) _notes.Add(new VerifyProblem(name, found.TornOffset, "an edit that was never finished, or is damaged"));
        }

        if (best is null) return;
        State = best.State;
        foreach (LeveledTable table in State.Tables) Removed.Remove(table.Info.Number);
    }

    private void Report(string name, ManifestFileReading found)
    {
        foreach (InspectionProblem problem in found.Problems.Problems)
        {
            if (!_problems.Exists(known => known.FileName == name && known.Offset == problem.Offset))
                _problems.Add(new VerifyProblem(name, problem.Offset, problem.Detail));
        }
    }

    /// <summary>First the manifest that CURRENT names, then the others, the newest first.</summary>
    private static List<long> Candidates(IFileSystem files, string directory, long? current)
    {
        var numbers = new List<long>();
        foreach (string name in files.ListFiles(directory))
        {
            if (FileNames.TryParseManifest(name, out long number) && name == FileNames.Manifest(number)) numbers.Add(number);
        }

        numbers.Sort();
        numbers.Reverse();
        if (current is { } counted && numbers.Remove(counted)) numbers.Insert(0, counted);
        return numbers;
    }

    private static long? FindCurrent(IFileSystem files, string directory)
    {
        string path = Path.Combine(directory, FileNames.Current);
        if (!files.FileExists(path)) return null;
        using IFile file = files.Open(path, FileOpening.Read);
        byte[] bytes = new byte[CurrentFile.BytesMax + 1];
        return CurrentFile.TryParse(bytes.AsSpan(0, file.Read(bytes, 0)), out long number, out _) ? number : null;
    }
}
