namespace Varve.Mcp.Gateway.Metrics;

/// <summary>How long the last 1,024 calls took. Any thread may use it.</summary>
internal sealed class LatencyRing
{
    private const int Length = 1_024;

    private readonly Lock _gate = new();
    private readonly double[] _milliseconds = new double[Length];
    private long _count;

    public void Add(TimeSpan latency)
    {
        lock (_gate) _milliseconds[_count++ % Length] = latency.TotalMilliseconds;
    }

    /// <summary>The median and the time that one call in a hundred is slower than; null where nothing was measured.</summary>
    public Pool.LatencyStatus Read()
    {
        double[] sorted;
        lock (_gate) sorted = _milliseconds[..(int)Math.Min(_count, Length)];
        if (sorted.Length == 0) return new Pool.LatencyStatus(null, null);
        Array.Sort(sorted);
        return new Pool.LatencyStatus(At(0.50), At(0.99));

        double At(double share) => sorted[Math.Min(sorted.Length - 1, (int)(share * sorted.Length))];
    }
}
