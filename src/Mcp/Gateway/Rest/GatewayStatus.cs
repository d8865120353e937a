using System.Reflection;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Options;
using ModelContextProtocol.Server;
using Varve.Mcp.Gateway.Front;
using Varve.Mcp.Gateway.Metrics;
using Varve.Mcp.Gateway.Pool;

namespace Varve.Mcp.Gateway.Rest;

/// <summary>How the gateway is, in the words of its pages.</summary>
internal sealed class GatewayStatus(
    IWorkerPool pool, GatewayMetrics metrics, Breakers breakers, ActiveCalls active, Drain drain, IEnumerable<ICallHistory> histories,
    IOptions<GatewayOptions> options, IOptions<McpServerOptions> serverOptions, TimeProvider time)
{
    private const string NameDefault = "varve-gateway";

    private static readonly TimeSpan AnswerAge = TimeSpan.FromSeconds(10);
    private static readonly string s_version =
        typeof(GatewayStatus).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";

    private readonly ICallHistory? _history = histories.FirstOrDefault();

    public string Name => serverOptions.Value.ServerInfo?.Name ?? NameDefault;

    public string Version => serverOptions.Value.ServerInfo?.Version ?? s_version;

    public PoolStatus Pool => pool.Status;

    public StoreStatus? Store => _history?.Store;

    /// <summary>For whoever watches it: state and counts only.</summary>
    public (JsonObject Body, bool IsUp) ReadHealth()
    {
        PoolStatus now = pool.Status;
        int ready = CountOf(now, WorkerState.Ready);
        bool isWell = ready >= Math.Min(now.Min, now.Workers.Count) && _history?.IsOpen != false && !drain.IsDraining;
        JsonObject workers = new()
        {
            ["ready"] = ready,
            ["starting"] = CountOf(now, WorkerState.Starting),
            ["silent"] = CountOf(now, WorkerState.Silent),
            ["waiting"] = CountOf(now, WorkerState.Waiting),
            ["total"] = now.Workers.Count,
        };
        string status = ready == 0 ? "down" : isWell ? "ok" : "degraded";
        JsonObject body = new()
        {
            ["status"] = status,
            ["workers"] = workers,
            ["queued"] = now.Queued,
            ["draining"] = drain.IsDraining,
        };
        return (body, ready > 0);
    }

    /// <summary>Why calls should go elsewhere; nothing where they may come.</summary>
    public IReadOnlyList<string> FindUnready()
    {
        List<string> reasons = [];
        if (_history?.IsOpen == false) reasons.Add("the store is not open");
        DateTimeOffset now = time.GetUtcNow();
        if (!pool.Ready.IsCompleted) reasons.Add("no worker has told its tools yet");
        else if (!pool.Status.Workers.Any(worker => worker.LastAnswer is { } answer && now - answer <= AnswerAge))
            reasons.Add("no worker has answered lately");
        if (drain.IsDraining) reasons.Add("the gateway stops");
        return reasons;
    }

    public JsonObject ReadInformation(int tools)
    {
        PoolStatus now = pool.Status;
        return new JsonObject
        {
            ["name"] = Name,
            ["version"] = Version,
            ["eras"] = new JsonArray([.. Messages.ProtocolRevisions.All.Select(revision => JsonValue.Create(revision))]),
            ["tools"] = tools,
            ["pool"] = PoolJson(now),
            ["uptime_seconds"] = Seconds(metrics.Uptime),
            ["endpoints"] = new JsonObject
            {
                ["tools"] = "/tools",
                ["call"] = "/tools/{name}",
                ["stream"] = "/tools/{name}/stream",
                ["websocket"] = "/ws/tools/{name}",
                ["notifications"] = "/ws/notifications",
                ["calls"] = "/calls",
                ["mcp"] = "/mcp",
                ["health"] = "/health",
                ["stats"] = "/stats",
                ["metrics"] = "/metrics",
                ["openapi"] = "/openapi.json",
            },
        };
    }

    public JsonObject ReadStats()
    {
        PoolStatus now = pool.Status;
        LatencyStatus latency = metrics.Latency;
        JsonObject states = [];
        foreach ((string tool, string state, int failures) in breakers.Read())
            states[tool] = new JsonObject { ["state"] = state, ["failures"] = failures };
        return new JsonObject
        {
            ["workers"] = new JsonArray([.. now.Workers.Select(WorkerJson)]),
            ["pool"] = PoolJson(now),
            ["breakers"] = states,
            ["calls"] = new JsonObject
            {
                ["total"] = metrics.Calls,
                ["errors"] = metrics.Errors,
                ["active"] = active.Count,
                ["per_second"] = metrics.CallsPerSecond,
                ["p50_ms"] = Rounded(latency.P50),
                ["p99_ms"] = Rounded(latency.P99),
            },
            ["store"] = StoreJson(Store),
            ["uptime_seconds"] = Seconds(metrics.Uptime),
        };
    }

    private static JsonObject WorkerJson(WorkerStatus worker) => new()
    {
        ["slot"] = worker.Slot,
        ["pid"] = worker.Pid,
        ["state"] = worker.State.ToString().ToLowerInvariant(),
        ["in_flight"] = worker.InFlight,
        ["served"] = worker.Served,
        ["errors"] = worker.Errors,
        ["p50_ms"] = Rounded(worker.Latency.P50),
        ["p99_ms"] = Rounded(worker.Latency.P99),
        ["restarts"] = worker.Restarts,
        ["memory_bytes"] = worker.MemoryBytes,
        ["last_failure"] = worker.LastFailure,
    };

    private JsonObject PoolJson(PoolStatus now) => new()
    {
        ["min"] = now.Min,
        ["max"] = now.Max,
        ["size"] = now.Workers.Count,
        ["queued"] = now.Queued,
        ["queue_limit"] = now.QueueLimit,
        ["worker_concurrency"] = options.Value.WorkerConcurrency,
    };

    private static JsonObject? StoreJson(StoreStatus? store) => store is null ? null : new JsonObject
    {
        ["levels"] = new JsonArray([.. store.Levels.Select(level => new JsonObject
        {
            ["level"] = level.Level,
            ["tables"] = level.Tables,
            ["bytes"] = level.Bytes,
        })]),
        ["memory_bytes"] = store.MemoryBytes,
        ["memory_budget_bytes"] = store.MemoryBudgetBytes,
        ["write_pressure"] = store.WritePressure,
    };

    private static int CountOf(PoolStatus now, WorkerState state) => now.Workers.Count(worker => worker.State == state);

    private static double? Rounded(double? milliseconds) => milliseconds is { } value ? Math.Round(value, 3) : null;

    private static double Seconds(TimeSpan time) => Math.Round(time.TotalSeconds, 3);
}
