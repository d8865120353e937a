using System.Text;
using Microsoft.AspNetCore.Http;
using Varve.Mcp.Gateway.Front;
using Varve.Mcp.Gateway.Pool;
using Varve.Mcp.Gateway.Rest;
using Varve.Mcp.Gateway.Streams;

namespace Varve.Mcp.Gateway.Metrics;

/// <summary><c>/metrics</c>: the gateway, its pool and the engine, for Prometheus.</summary>
internal sealed class MetricsEndpoint(
    GatewayMetrics metrics, GatewayStatus status, Breakers breakers, ActiveCalls active, SocketEndpoints sockets)
{
    private const string Prefix = "varve_gateway_";
    private const string Counter = "counter";
    private const string Gauge = "gauge";

    public Task GetAsync(HttpContext context) => context.WriteAsync(
        StatusCodes.Status200OK, PrometheusText.ContentType, Encoding.UTF8.GetBytes(Write()));

    private string Write()
    {
        PrometheusText text = new();
        WriteCalls(text);
        WritePool(text, status.Pool);
        WriteBreakers(text);
        if (status.Store is { } store) WriteStore(text, store);
        return text.ToString();
    }

    private void WriteCalls(PrometheusText text)
    {
        text.Single(Prefix + "uptime_seconds", Gauge, "Since the gateway was started.", metrics.Uptime.TotalSeconds);
        text.Single(Prefix + "calls_active", Gauge, "Calls that run now, by every way in.", active.Count);
        text.Single(Prefix + "sockets_open", Gauge, "WebSockets that are open now.", sockets.Sockets);
        text.Single(Prefix + "calls_resent_total", Counter, "Calls sent again because their worker had died.", metrics.Resends);
        text.Single(Prefix + "rate_limited_total", Counter, "Requests refused because their key had sent too many.", metrics.RateLimited);
        text.Begin(Prefix + "calls_refused_total", Counter, "Calls refused before they ran.");
        foreach ((string reason, long count) in metrics.Refusals) text.Sample(Prefix + "calls_refused_total", count, ("reason", reason));
        text.Begin(Prefix + "calls_total", Counter, "Calls by how they ended.");
        foreach ((string tool, ToolMetrics calls) in metrics.Tools)
            foreach ((string ended, long count) in calls.Read().ByStatus)
                text.Sample(Prefix + "calls_total", count, ("tool", tool), ("status", ended));
        text.Begin(Prefix + "call_duration_seconds", "histogram", "How long calls took, the wait for a worker included.");
        foreach ((string tool, ToolMetrics calls) in metrics.Tools) WriteHistogram(text, Prefix + "call_duration_seconds", tool, calls);
    }

    private static void WriteHistogram(PrometheusText text, string name, string tool, ToolMetrics calls)
    {
        (_, long[] buckets, double seconds) = calls.Read();
        long count = 0;
        for (int bucket = 0; bucket < buckets.Length; bucket++)
        {
            double bound = bucket < ToolMetrics.Bounds.Length ? ToolMetrics.Bounds[bucket] : double.PositiveInfinity;
            count += buckets[bucket];
            text.Sample(name + "_bucket", count, ("tool", tool), ("le", PrometheusText.NumberOf(bound)));
        }
        text.Sample(name + "_sum", seconds, ("tool", tool)).Sample(name + "_count", count, ("tool", tool));
    }

    private static void WritePool(PrometheusText text, PoolStatus pool)
    {
        text.Begin(Prefix + "workers", Gauge, "Workers by state.");
        foreach (WorkerState state in Enum.GetValues<WorkerState>())
            text.Sample(
                Prefix + "workers", pool.Workers.Count(worker => worker.State == state), ("state", state.ToString().ToLowerInvariant()));
        text.Single(Prefix + "workers_min", Gauge, "Workers that there always are.", pool.Min);
        text.Single(Prefix + "workers_max", Gauge, "Workers at most.", pool.Max);
        text.Single(Prefix + "queue_length", Gauge, "Calls that wait for a worker.", pool.Queued);
        text.Single(Prefix + "queue_limit", Gauge, "Calls that may wait.", pool.QueueLimit);
        WriteWorkers(text, pool, "worker_in_flight", Gauge, "Calls that a worker has under way.", worker => worker.InFlight);
        WriteWorkers(text, pool, "worker_served_total", Counter, "Calls that a worker's place has answered.", worker => worker.Served);
        WriteWorkers(text, pool, "worker_errors_total", Counter, "Calls of a worker's place without result.", worker => worker.Errors);
        WriteWorkers(text, pool, "worker_restarts_total", Counter, "New processes after a failure.", worker => worker.Restarts);
        WriteWorkers(text, pool, "worker_memory_bytes", Gauge, "A worker's resident memory.", worker => worker.MemoryBytes);
    }

    private static void WriteWorkers(
        PrometheusText text, PoolStatus pool, string name, string type, string help, Func<WorkerStatus, double> value)
    {
        text.Begin(Prefix + name, type, help);
        foreach (WorkerStatus worker in pool.Workers) text.Sample(Prefix + name, value(worker), ("slot", $"{worker.Slot}"));
    }

    private void WriteBreakers(PrometheusText text)
    {
        text.Begin(Prefix + "breaker_open", Gauge, "1: the tool's breaker is not closed.");
        foreach ((string tool, string state, _) in breakers.Read())
            text.Sample(Prefix + "breaker_open", state == "closed" ? 0 : 1, ("tool", tool));
    }

    private static void WriteStore(PrometheusText text, StoreStatus store)
    {
        const string Engine = "varve_engine_";
        text.Begin(Engine + "level_tables", Gauge, "Tables of a level.");
        foreach (StoreLevel level in store.Levels) text.Sample(Engine + "level_tables", level.Tables, ("level", $"{level.Level}"));
        text.Begin(Engine + "level_bytes", Gauge, "Bytes of a level.");
        foreach (StoreLevel level in store.Levels) text.Sample(Engine + "level_bytes", level.Bytes, ("level", $"{level.Level}"));
        text.Single(Engine + "memory_bytes", Gauge, "Memory that the engine holds.", store.MemoryBytes);
        text.Single(Engine + "memory_budget_bytes", Gauge, "Memory that it may hold.", store.MemoryBudgetBytes);
        text.Single(Engine + "write_pressure", Gauge, "0: compaction keeps up; 1: writes wait for it.", store.WritePressure);
        foreach ((string counter, double value) in store.Counters.OrderBy(one => one.Key, StringComparer.Ordinal))
        {
            string name = Engine + PrometheusText.NameOf(counter) + "_total";
            text.Single(name, Counter, "Since the store was opened.", value);
        }
    }
}
