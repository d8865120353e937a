namespace Varve.Cli.Tour;

/// <summary>The index of files as two maps, by path and by time. Whatever changes one changes the other in the same batch.</summary>
internal sealed class FileIndex(Database database)
{
    public const string ByPathName = "files/by-path";
    public const string ByTimeName = "files/by-time";

    private const int FilesPerBatch = 256;

    public Database Database { get; } = database;

    public SortedMap ByPath { get; } = database.GetMap(ByPathName);

    public SortedMap ByTime { get; } = database.GetMap(ByTimeName);

    /// <summary>Writes all files, then syncs once.</summary>
    public void Fill(IReadOnlyList<FileFact> files, Action<double> showProgress, CancellationToken cancellation)
    {
        using WriteBatch batch = Database.CreateBatch();
        for (int i = 0; i < files.Count; i++)
        {
            Add(batch, files[i]);
            if (batch.Count < 2 * FilesPerBatch && i < files.Count - 1) continue;
            cancellation.ThrowIfCancellationRequested();
            Database.Write(batch, Durability.Buffered);
            batch.Clear();
            showProgress((i + 1.0) / files.Count);
        }

        Database.Sync();
    }

    /// <summary>Gives a file another path, in both maps or in none.</summary>
    public void Move(FileFact file, FileFact moved)
    {
        using WriteBatch batch = Database.CreateBatch();
        batch.Delete(ByPath, file.PathKey);
        batch.Delete(ByTime, file.TimeKey);
        Add(batch, moved);
        Database.Write(batch, Durability.Synced);
    }

    /// <summary>Whether both maps hold the file as stated.</summary>
    public bool Holds(FileFact file, Snapshot? snapshot = null) =>
        ByPath.Get(file.PathKey, snapshot) is { } byPath && byPath.AsSpan().SequenceEqual(file.PathValue)
        && ByTime.Get(file.TimeKey, snapshot) is { } byTime && byTime.AsSpan().SequenceEqual(file.TimeValue);

    /// <summary>Whether neither map holds the file.</summary>
    public bool Lacks(FileFact file, Snapshot? snapshot = null) =>
        !ByPath.Contains(file.PathKey, snapshot) && !ByTime.Contains(file.TimeKey, snapshot);

    private void Add(WriteBatch batch, FileFact file)
    {
        batch.Put(ByPath, file.PathKey, file.PathValue);
        batch.Put(ByTime, file.TimeKey, file.TimeValue);
    }
}
