namespace Varve.Compaction;

/// <summary>What upkeep has done since the open. Written by its threads, read by anyone.</summary>
internal sealed class UpkeepCounters
{
    /// <summary>Of a store without upkeep.</summary>
    public static readonly UpkeepCounters Zero = new();

    private long _flushes;
    private long _flushedBytes;
    private long _compactions;
    private long _moves;
    private long _drops;
    private long _compactionReadBytes;
    private long _compactionWrittenBytes;
    private long _failures;
    private long _stalls;
    private long _stalledTicks;
    private long _logSegmentsRecycled;

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

    /// <summary>Times that writes stood still until upkeep had caught up.</summary>
    public long Stalls => Volatile.Read(ref _stalls);

    /// <summary>How long they did, all together.</summary>
    public TimeSpan StalledTime => new(Volatile.Read(ref _stalledTicks));

    /// <summary>Segments of the log whose entries came to be in tables.</summary>
    public long LogSegmentsRecycled => Volatile.Read(ref _logSegmentsRecycled);

    public void CountStall(TimeSpan duration)
    {
        Interlocked.Increment(ref _stalls);
        Interlocked.Add(ref _stalledTicks, duration.Ticks);
    }

    public void CountLogSegments(long recycled) => Interlocked.Add(ref _logSegmentsRecycled, recycled);

    public void CountFlush(long bytes, int tables)
    {
        Interlocked.Add(ref _flushes, tables);
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
