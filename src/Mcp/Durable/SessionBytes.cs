namespace Varve.Mcp.Durable;

/// <summary>
/// How many bytes of events a session keeps, as far as this process knows. What is not said to be for all is for whoever has the look.
/// </summary>
internal sealed class SessionBytes
{
    private long _added;
    private long _unsolicited;
    private int _isLooking;

    /// <summary>What it keeps, as of the look; null: to be measured, since it is not known.</summary>
    public long? Total { get; private set; }

    /// <summary>What has come since it was measured.</summary>
    public long SinceMeasured { get; private set; }

    /// <summary>Where the oldest streams are looked for, so that those that are gone are not passed again. Null: at the first.</summary>
    public byte[]? OldestKey { get; set; }

    /// <summary>For all: counts rows that came, or went; returns how much has come since the last look.</summary>
    public long Add(long bytes) => Interlocked.Add(ref _added, bytes);

    /// <summary>For all: whether so much has come to the stream of messages that answer no request; then that counts anew.</summary>
    public bool AddUnsolicited(long bytes, long limit)
    {
        if (Interlocked.Add(ref _unsolicited, bytes) < limit) return false;
        return Interlocked.Exchange(ref _unsolicited, 0) >= limit;
    }

    /// <summary>For all: takes the look; false where somebody else has it.</summary>
    public bool TryBeginLook()
    {
        if (Interlocked.Exchange(ref _isLooking, 1) != 0) return false;
        long added = Interlocked.Exchange(ref _added, 0);
        SinceMeasured += Math.Max(added, 0);
        Total += added;
        return true;
    }

    public void EndLook() => Volatile.Write(ref _isLooking, 0);

    /// <summary>Rows have gone.</summary>
    public void Take(long dropped) => Total -= dropped;

    public void Measured(long total) => (Total, SinceMeasured) = (total, 0);
}
