namespace Varve.Cli.Tour;

/// <summary>The files as the folder's listing gave them, sorted by hand: what the database's answers are compared with.</summary>
internal sealed class FileList
{
    public FileList(IEnumerable<FileFact> files)
    {
        ByPath = Sorted(files, file => file.PathKey);
        ByTime = Sorted(ByPath, file => file.TimeKey);
    }

    public IReadOnlyList<FileFact> ByPath { get; }

    public IReadOnlyList<FileFact> ByTime { get; }

    public long Bytes => ByPath.Sum(file => file.Bytes);

    /// <summary>The folder, one or two names deep, with the most files below it, but not all; empty when there is none.</summary>
    public string LargestFolder()
    {
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (FileFact file in ByPath)
        {
            int end = file.Path.IndexOf('/');
            for (int depth = 0; end >= 0 && depth < 2; depth++)
            {
                string folder = file.Path[..(end + 1)];
                counts[folder] = counts.GetValueOrDefault(folder) + 1;
                end = file.Path.IndexOf('/', end + 1);
            }
        }

        return counts.Where(folder => folder.Value < ByPath.Count).OrderByDescending(folder => folder.Value)
            .ThenBy(folder => folder.Key, StringComparer.Ordinal).Select(folder => folder.Key).FirstOrDefault("");
    }

    private static List<FileFact> Sorted(IEnumerable<FileFact> files, Func<FileFact, byte[]> keyOf)
    {
        List<(byte[] Key, FileFact File)> keyed = [.. files.Select(file => (keyOf(file), file))];
        keyed.Sort(static (a, b) => a.Key.AsSpan().SequenceCompareTo(b.Key));
        return [.. keyed.Select(pair => pair.File)];
    }
}
