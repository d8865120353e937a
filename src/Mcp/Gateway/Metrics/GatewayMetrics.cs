using System.Collections.Concurrent;
using Varve.Mcp.Gateway.Pool;

namespace Varve.Mcp.Gateway.Metrics;

/// <summary>What the gateway counts. Any thread may use it.</summary>
internal sealed class GatewayMetrics(TimeProvider time)
{
    private const int RateSeconds = 10;

    private readonly ConcurrentDictionary<string, long> _refusals = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, ToolMetrics> _tools = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private readonly int[] _perSecond = new int[RateSeconds + 1];
    private readonly LatencyRing _latency = new();
    private readonly long _startedAt = time.GetTimestamp();
    private long _second;
    private long _calls;
    private long _errors;
    private long _resends;
    private long _rateLimited;

    public TimeSpan Uptime => time.GetElapsedTime(_startedAt);

    public long Calls => Volatile.Read(ref _calls);

    /// <summary>Calls that ended with anything but success, a question, or their caller leaving.</summary>
    public long Errors => Volatile.Read(ref _errors);

    /// <summary>Calls sent again because their worker had died.</summary>
    public long Resends => Volatile.Read(ref _resends);

    /// <summary>Requests refused because their key had sent too many.</summary>
    public long RateLimited => Volatile.Read(ref _rateLimited);

    /// <summary>Of the last 1,024 calls.</summary>
    public LatencyStatus Latency
    {
        get
        {
            lock (_gate) return _latency.Read();
        }
    }

    public IEnumerable<KeyValuePair<string, ToolMetrics>> Tools => _tools.OrderBy(tool => tool.Key, StringComparer.Ordinal);

    /// <summary>Calls refused before they ran, by reason.</summary>
    public IEnumerable<KeyValuePair<string, long>> Refusals => _refusals.OrderBy(reason => reason.Key, StringComparer.Ordinal);

    /// <summary>Calls a second over the last ten whole ones.</summary>
    public double CallsPerSecond
    {
        get
        {
            lock (_gate)
            {
                MoveLocked();
                int current = _perSecond[_second % _perSecond.Length];
                return (_perSecond.Sum() - current) / (double)RateSeconds;
            }
        }
    }

    /// <param name="tool">One of a bounded number of names.</param>
    /// <param name="status">How it ended.</param>
    /// <param name="duration">How long it took.</param>
    public void CountCall(string tool, string status, TimeSpan duration)
    {
        Interlocked.Increment(ref _calls);
        if (status is not ("success" or "input_required" or "cancelled")) Interlocked.Increment(ref _errors);
        _tools.GetOrAdd(tool, _ => new ToolMetrics()).Count(status, duration);
        lock (_gate)
        {
            _latency.Add(duration.TotalMilliseconds);
            MoveLocked();
            _perSecond[_second % _perSecond.Length]++;
        }
    }

    public void CountRefusal(string reason) => _refusals.AddOrUpdate(reason, 1, (_, count) => count + 1);

    public void CountResend() => Interlocked.Increment(ref _resends);

    public void CountRateLimited() => Interlocked.Increment(ref _rateLimited);

    private void MoveLocked()
    {
        long now = (long)Uptime.TotalSeconds;
        // Seconds that nothing came in count as none.
        for (long second = Math.Max(_second + 1, now - RateSeconds); second <= now; second++) _perSecond[second % _perSecond.Length] = 0;
        _second = Math.Max(_second, now);
    }
}
