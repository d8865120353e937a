namespace Varve.Compaction;

/// <summary>What upkeep has done since the open. Written by its threads, read by anyone.</summary>
internal sealed class UpkeepCounters
{
    private long _flushes;
    private long _flushedBytes;
    private long _compactions;
    private long _moves;
    private long _drops;
    private long _compactionReadBytes;
    private long _compactionWrittenBytes;
    private long _failures;

    public long Flushes => Volatile.Read(ref _flushes);

    public long FlushedBytes => Volatile.Read(ref _flushedBytes);

    public long Compactions => Volatile.Read(ref _compactions);

    /// <summary>Tables that went a level deeper without being rewritten.</summary>
    public long Moves => Volatile.Read(ref _moves);

    /// <summary>Tables that range deletes covered as a whole, taken away without being read.</summary>
    public long Drops => Volatile.Read(ref _drops);

    public long CompactionReadBytes => Volatile.Read(ref _compactionReadBytes);

    public long CompactionWrittenBytes => Volatile.Read(ref _compactionWrittenBytes);

    /// <summary>Jobs that failed; they were or will be tried again.</summary>
    public long Failures => Volatile.Read(ref _failures);

    public void CountFlush(long bytes)
    {
        Interlocked.Increment(ref _flushes);
        Interlocked.Add(ref _flushedBytes, bytes);
    }

    public void CountCompaction(long readBytes, long writtenBytes)
    {
        Interlocked.Increment(ref _compactions);
        Interlocked.Add(ref _compactionReadBytes, readBytes);
        Interlocked.Add(ref _compactionWrittenBytes, writtenBytes);
    }

    public void CountMove() => Interlocked.Increment(ref _moves);

    public void CountDrop(int tables) => Interlocked.Add(ref _drops, tables);

    public void CountFailure() => Interlocked.Increment(ref _failures);
}
