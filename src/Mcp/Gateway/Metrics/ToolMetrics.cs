namespace Varve.Mcp.Gateway.Metrics;

/// <summary>The calls of one tool: how they ended and how long they took, as a histogram.</summary>
internal sealed class ToolMetrics
{
    /// <summary>How a call can end, as far as it is told apart; what a tool makes up itself is "error".</summary>
    private static readonly string[] Statuses =
    [
        "success", "error", "input_required", "invalid_argument", "timeout", "stopped", "worker_lost", "dead", "internal", "cancelled",
        "refused", "overload",
    ];

    private readonly Lock _gate = new();
    private readonly long[] _byStatus = new long[Statuses.Length];
    private readonly long[] _buckets = new long[Bounds.Length + 1];
    private double _seconds;

    /// <summary>Upper bounds of the histogram, in seconds.</summary>
    public static double[] Bounds { get; } = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

    public void Count(string status, TimeSpan duration)
    {
        double seconds = duration.TotalSeconds;
        int bucket = Array.FindIndex(Bounds, bound => seconds <= bound);
        int index = Array.IndexOf(Statuses, status);
        lock (_gate)
        {
            _byStatus[index < 0 ? 1 : index]++;
            _buckets[bucket < 0 ? Bounds.Length : bucket]++;
            _seconds += seconds;
        }
    }

    /// <summary>Counts by status, where there are any; counts by bucket, each for itself; the sum of all seconds.</summary>
    public ((string Status, long Count)[] ByStatus, long[] Buckets, double Seconds) Read()
    {
        lock (_gate)
            return ([.. Statuses.Zip(_byStatus).Where(one => one.Second > 0)], [.. _buckets], _seconds);
    }
}
