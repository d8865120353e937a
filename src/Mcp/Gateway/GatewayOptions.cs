namespace Varve.Mcp.Gateway;

/// <summary>How a gateway serves: its pool of workers, its limits, its callers.</summary>
/// <remarks>Keys, origins, hosts and remote addresses are those of <see cref="McpHttpOptions"/>.</remarks>
public sealed class GatewayOptions
{
    /// <summary>The command of a worker: a program that serves MCP over stdio.</summary>
    public WorkerCommand Worker { get; set; } = new("");

    /// <summary>Workers that there always are. At least 1; default 2.</summary>
    public int WorkersMin { get; set; } = 2;

    /// <summary>Workers that there are at most. At least <see cref="WorkersMin"/>; default 8.</summary>
    public int WorkersMax { get; set; } = 8;

    /// <summary>Calls that one worker has under way at most. At least 1; default 8.</summary>
    public int WorkerConcurrency { get; set; } = 8;

    /// <summary>Calls that wait for a worker; one more is refused as overload. At least 0; default 256.</summary>
    public int QueueLimit { get; set; } = 256;

    /// <summary>How long a worker beyond <see cref="WorkersMin"/> may have nothing to do before it is ended. Default 10 s.</summary>
    public TimeSpan WorkerIdle { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Between two workers that are added while calls wait. Default 250 ms.</summary>
    public TimeSpan GrowInterval { get; set; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How long a worker may take from its start to its list of tools. Default 30 s.</summary>
    public TimeSpan StartTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Between two questions to a worker whether it lives. Default 5 s.</summary>
    public TimeSpan HealthInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a worker may take for such an answer. Default 2 s.</summary>
    public TimeSpan HealthTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Answers missed in a row after which a worker is killed. At least 1; default 3.</summary>
    public int HealthMissesMax { get; set; } = 3;

    /// <summary>The wait before a worker's first start anew; doubled with each failure in a row. Default 100 ms.</summary>
    public TimeSpan RestartDelay { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>The longest such wait. Default 30 s.</summary>
    public TimeSpan RestartDelayMax { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a call may take in all, its wait for a worker included. Default 60 s.</summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How long calls under way may go on once the gateway is told to stop. Default 10 s.</summary>
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Requests a second that one key may send in the long run. At least 1; default 200.</summary>
    public int RateLimitPerSecond { get; set; } = 200;

    /// <summary>Requests that one key may send at once. At least 1; default 400.</summary>
    public int RateLimitBurst { get; set; } = 400;

    /// <summary>Bytes of a body or a WebSocket message, but for <c>/mcp</c>. At least 1 KiB; default 1 MiB.</summary>
    public int BodyBytesMax { get; set; } = 1 << 20;

    /// <summary>How long the events of a stream are kept after its end, for clients that resume it. Default 5 min.</summary>
    public TimeSpan StreamKept { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a call without key goes on when nobody listens to its stream any more. Default 10 s.</summary>
    public TimeSpan StreamAbandoned { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Failures of a tool within <see cref="BreakerWindow"/> that open its breaker. At least 2; default 5.</summary>
    public int BreakerFailures { get; set; } = 5;

    /// <summary>The time in which failures are counted. Default 30 s.</summary>
    public TimeSpan BreakerWindow { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a breaker stays open. Default 15 s.</summary>
    public TimeSpan BreakerOpen { get; set; } = TimeSpan.FromSeconds(15);
}

/// <summary>A program and how it is started.</summary>
/// <param name="File">The program: a path, or a name that is looked up.</param>
/// <param name="Arguments">Its arguments, each as it is: no shell reads them.</param>
public sealed record WorkerCommand(string File, params IReadOnlyList<string> Arguments)
{
    /// <summary>Variables set for it beside those of the gateway's own environment; null takes one away.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>();

    /// <summary>Where it is started; null: where the gateway was.</summary>
    public string? Directory { get; init; }

    /// <summary>
    /// What starts it as the leader of a process group of its own, so that it ends with all that it has started: a program and its first
    /// arguments, which get the command as the rest of theirs. Empty: the worker sees to that itself, or the system has no groups.
    /// </summary>
    public IReadOnlyList<string> Launcher { get; init; } = [];

    /// <summary>
    /// Whether the worker journals with this gateway: it goes on with invocations that are named to it, and says of its tools how they
    /// recover. Of any other program only read-only tools are run again.
    /// </summary>
    public bool SharesJournal { get; init; }
}
