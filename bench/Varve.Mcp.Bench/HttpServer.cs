using System.Diagnostics;
using Varve.Workloads.Measuring;

namespace Varve.Mcp.Bench;

/// <summary>A server over HTTP that is measured, in a process of its own, and what was measured of it.</summary>
internal sealed class HttpServer : IAsyncDisposable
{
    private readonly Process _process;
    private LatencyHistogram _times = new();
    private TimeSpan _duration;

    private HttpServer(Process process, HttpLoad load) => (_process, Load) = (process, load);

    public HttpLoad Load { get; }

    public double PerSecond => _times.Count / _duration.TotalSeconds;

    /// <summary>Of a call.</summary>
    public double MedianMicroseconds => _times.Percentile(0.5) * 1e6 / Stopwatch.Frequency;

    public static async Task<HttpServer> StartAsync(Process process, bool isModern, CancellationToken cancellation)
    {
        string url = await process.StandardOutput.ReadLineAsync(cancellation)
            ?? throw new InvalidOperationException("The server did not start.");
        return new HttpServer(process, new HttpLoad(new Uri(url + "/mcp"), isModern));
    }

    public async ValueTask DisposeAsync()
    {
        Load.Dispose();
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    public async Task MeasureAsync(TimeSpan duration, CancellationToken cancellation)
    {
        (LatencyHistogram times, TimeSpan taken) = await Load.MeasureAsync(duration, cancellation);
        _times.Add(times);
        _duration += taken;
    }

    /// <summary>What was measured until now was to warm up.</summary>
    public void Forget() => (_times, _duration) = (new LatencyHistogram(), TimeSpan.Zero);
}
