namespace Varve.Commit;

/// <summary>
/// What has been committed since the open. Written by whoever leads, one thread at a time; read by anyone, each figure for itself.
/// </summary>
internal sealed class CommitCounters
{
    private long _groups;
    private long _batches;
    private long _operations;
    private long _bytes;

    /// <summary>Groups that were logged with one write.</summary>
    public long Groups => Volatile.Read(ref _groups);

    public long Batches => Volatile.Read(ref _batches);

    /// <summary>Operations in those batches, the records of new maps' names included.</summary>
    public long Operations => Volatile.Read(ref _operations);

    /// <summary>Bytes of those batches as they are logged.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    public void CountGroup(int batches, ulong operations, long bytes)
    {
        Volatile.Write(ref _groups, _groups + 1);
        Volatile.Write(ref _batches, _batches + batches);
        Volatile.Write(ref _operations, _operations + (long)operations);
        Volatile.Write(ref _bytes, _bytes + bytes);
    }
}
