using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Varve.Workloads.Measuring;

/// <summary>
/// Times operations of one thread. A look at the clock costs as much as a fast operation: of each so many one is timed, and the stretch
/// since the one before it, in which any pause shows.
/// </summary>
internal sealed class Meter(int operationsPerSample)
{
    private int _left = 1;
    private long _started;
    private long _lastEnd = Stopwatch.GetTimestamp();
    private long _longestStretch;

    public LatencyHistogram Histogram { get; } = new();

    /// <summary>The longest of the stretches of so many operations, from the end of one to the end of another.</summary>
    public double LongestStretchMilliseconds => _longestStretch * 1e3 / Stopwatch.Frequency;

    /// <summary>A new meter of the same kind, for another thread.</summary>
    public Meter Another() => new(operationsPerSample);

    /// <summary>What came before does not count as a stretch.</summary>
    public void Restart() => _lastEnd = Stopwatch.GetTimestamp();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Start()
    {
        if (--_left == 0) _started = Stopwatch.GetTimestamp();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Stop()
    {
        if (_left == 0) Sample();
    }

    public void Add(Meter other)
    {
        Histogram.Add(other.Histogram);
        _longestStretch = Math.Max(_longestStretch, other._longestStretch);
    }

    public Latencies Summarize() => new()
    {
        Samples = Histogram.Count,
        P50 = Microseconds(0.5),
        P90 = Microseconds(0.9),
        P99 = Microseconds(0.99),
        P999 = Microseconds(0.999),
        Max = Microseconds(1),
    };

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Sample()
    {
        long now = Stopwatch.GetTimestamp();
        Histogram.Record(now - _started);
        _longestStretch = Math.Max(_longestStretch, now - _lastEnd);
        _lastEnd = now;
        _left = operationsPerSample;
    }

    private double Microseconds(double share) => Math.Round(Histogram.Percentile(share) * 1e6 / Stopwatch.Frequency, 3);
}

/// <summary>Of the operations that were timed, in microseconds.</summary>
internal sealed record Latencies
{
    public long Samples { get; init; }

    public double P50 { get; init; }

    public double P90 { get; init; }

    public double P99 { get; init; }

    public double P999 { get; init; }

    public double Max { get; init; }
}
