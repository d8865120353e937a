namespace Varve.Mcp.Gateway.Pool;

/// <summary>The latencies of the last 1,024 calls. Guarded by whoever has it.</summary>
internal sealed class LatencyRing
{
    private const int Calls = 1_024;

    private readonly double[] _milliseconds = new double[Calls];
    private int _count;
    private int _next;

    public void Add(double milliseconds)
    {
        _milliseconds[_next] = milliseconds;
        _next = (_next + 1) % Calls;
        _count = Math.Min(_count + 1, Calls);
    }

    public LatencyStatus Read()
    {
        if (_count == 0) return new LatencyStatus(null, null);
        double[] sorted = _milliseconds[.._count];
        Array.Sort(sorted);
        return new LatencyStatus(At(sorted, 0.50), At(sorted, 0.99));
    }

    /// <summary>The least value that so much of all are not above.</summary>
    private static double At(double[] sorted, double share) => sorted[Math.Max(0, (int)Math.Ceiling(sorted.Length * share) - 1)];
}
