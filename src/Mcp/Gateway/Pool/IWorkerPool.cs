using System.Text.Json.Nodes;
using ModelContextProtocol.Protocol;

namespace Varve.Mcp.Gateway.Pool;

/// <summary>Worker processes, each an MCP server over stdio, that look like one.</summary>
internal interface IWorkerPool
{
    /// <summary>The tools, as the workers list them; empty until the first worker has answered.</summary>
    IReadOnlyList<Tool> Tools { get; }

    /// <summary>What the workers can do beside tools; null until the first worker has answered.</summary>
    ServerCapabilities? Capabilities { get; }

    /// <summary>Tells that <see cref="Tools"/> or <see cref="Capabilities"/> changed.</summary>
    event Action? Changed;

    /// <summary>A worker's notification that its resources or its prompts are others now, by the method.</summary>
    event Action<string>? ListChanged;

    /// <summary>The pool as it is now.</summary>
    PoolStatus Status { get; }

    /// <summary>Whether as many calls wait as may.</summary>
    bool IsFull { get; }

    /// <summary>Ends when a worker has answered for the first time, and its tools are known.</summary>
    Task Ready { get; }

    /// <summary>Sends a request to the worker that has least to do; waits where all are busy.</summary>
    /// <param name="request">The request.</param>
    /// <param name="cancellation">Takes the request back, also from the worker.</param>
    /// <returns>The result, as the worker wrote it.</returns>
    /// <exception cref="ModelContextProtocol.McpProtocolException">
    /// The worker answered with an error, too many requests wait, or the pool is draining.
    /// </exception>
    /// <exception cref="WorkerLostException">The worker ended before it answered, or none could be started.</exception>
    Task<JsonNode?> SendAsync(PoolRequest request, CancellationToken cancellation);
}

/// <summary>A request for a worker.</summary>
/// <param name="Method">The method, such as <c>tools/call</c>.</param>
/// <param name="Parameters">Its parameters; the pool adds what the protocol and progress need under <c>_meta</c>.</param>
/// <param name="Notify">
/// Gets the notifications of progress and chunks that belong to the request, in order; null: none are asked for. The next one waits for it.
/// </param>
internal sealed record PoolRequest(string Method, JsonObject Parameters, Func<JsonRpcNotification, ValueTask>? Notify = null);

/// <summary>A worker ended before it answered.</summary>
/// <param name="wasSent">Whether it may have got the request: then it may have done some of it.</param>
/// <param name="message">What happened.</param>
internal sealed class WorkerLostException(bool wasSent, string message) : Exception(message)
{
    public bool WasSent => wasSent;
}

/// <summary>What a worker is doing.</summary>
internal enum WorkerState
{
    /// <summary>Waits until it may be started anew.</summary>
    Waiting,

    /// <summary>Started, and has not said its tools yet.</summary>
    Starting,

    /// <summary>Takes calls.</summary>
    Ready,

    /// <summary>Ready, but silent to the last question whether it lives.</summary>
    Silent,

    /// <summary>Takes no more calls, and ends with its last.</summary>
    Draining,
}

/// <summary>One place of the pool and the process in it.</summary>
/// <param name="Slot">The place, from 0.</param>
/// <param name="Pid">The process; null where there is none.</param>
/// <param name="State">What it is doing.</param>
/// <param name="InFlight">Calls that it has under way.</param>
/// <param name="Served">Calls it has answered, over all processes of the place.</param>
/// <param name="Errors">Of these and of calls lost, those without result.</param>
/// <param name="Latency">Of its last 1,024 calls.</param>
/// <param name="Restarts">How often the place got a new process after a failure.</param>
/// <param name="MemoryBytes">The process's resident memory; 0 where that is not known.</param>
/// <param name="LastAnswer">When it last answered anything; null: never.</param>
/// <param name="LastFailure">Why its last process ended or could not be started; null: none has.</param>
internal sealed record WorkerStatus(
    int Slot, int? Pid, WorkerState State, int InFlight, long Served, long Errors, LatencyStatus Latency, int Restarts, long MemoryBytes,
    DateTimeOffset? LastAnswer, string? LastFailure);

/// <summary>Latency in milliseconds; null where nothing was measured.</summary>
internal sealed record LatencyStatus(double? P50, double? P99);

/// <summary>The pool.</summary>
/// <param name="Workers">Its places in order.</param>
/// <param name="Min">Workers that there always are.</param>
/// <param name="Max">Workers at most.</param>
/// <param name="Queued">Calls that wait for a worker.</param>
/// <param name="QueueLimit">Calls that may.</param>
internal sealed record PoolStatus(IReadOnlyList<WorkerStatus> Workers, int Min, int Max, int Queued, int QueueLimit);
