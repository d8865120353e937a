using System.Text.Json.Nodes;
using ModelContextProtocol.Protocol;

namespace Varve.Mcp.Gateway;

/// <summary>The journal's calls and the store's state, as the gateway shows them.</summary>
internal interface ICallHistory
{
    /// <summary>The newest calls of a caller, newest first.</summary>
    ValueTask<IReadOnlyList<CallRecord>> ListAsync(string principal, int limit, CancellationToken cancellation);

    /// <summary>A call of a caller; null where there is none, or it is somebody else's.</summary>
    ValueTask<CallRecord?> FindAsync(string principal, string id, CancellationToken cancellation);

    /// <summary>Ends a call that is not finished; false where there is none, or it is somebody else's, or finished.</summary>
    ValueTask<bool> AbortAsync(string principal, string id, CancellationToken cancellation);

    /// <summary>Calls the tool once more with a call's arguments, without its key; returns the new call's id, or null as above.</summary>
    /// <exception cref="InvalidOperationException">The call's arguments were not kept.</exception>
    ValueTask<string?> ReplayAsync(string principal, string id, CancellationToken cancellation);

    /// <summary>The store as it is now; null where it is another process's.</summary>
    StoreStatus? Store { get; }

    /// <summary>Whether the store answers.</summary>
    bool IsOpen { get; }
}

/// <summary>A call in the journal.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Tool">The tool.</param>
/// <param name="State"><c>running</c>, <c>open</c>, <c>waiting</c>, <c>queued</c>, <c>completed</c>, <c>stopped</c>, <c>dead</c>,
/// <c>cancelled</c> or <c>aborted</c>.</param>
/// <param name="CreatedAt">When it came.</param>
/// <param name="FinishedAt">When it ended; null where it has not.</param>
/// <param name="Attempts">Runs so far.</param>
/// <param name="Arguments">Its arguments; null where they were not kept.</param>
/// <param name="Result">The result; null where it has none yet.</param>
internal sealed record CallRecord(
    string Id, string Tool, string State, DateTimeOffset CreatedAt, DateTimeOffset? FinishedAt, int Attempts, JsonNode? Arguments,
    CallToolResult? Result)
{
    /// <summary>Whether there is nothing more to come.</summary>
    public bool IsFinished => FinishedAt is not null;
}

/// <summary>The engine, in a few numbers.</summary>
/// <param name="Levels">Tables and bytes of each level, the newest first.</param>
/// <param name="MemoryBytes">Memory of all kinds that it holds.</param>
/// <param name="MemoryBudgetBytes">What it may hold.</param>
/// <param name="WritePressure">0: compaction keeps up; 1: writes wait for it.</param>
/// <param name="Counters">Its counters by name, for the metrics: totals since it was opened.</param>
internal sealed record StoreStatus(
    IReadOnlyList<StoreLevel> Levels, long MemoryBytes, long MemoryBudgetBytes, double WritePressure,
    IReadOnlyDictionary<string, double> Counters);

/// <summary>One level of the engine's tree.</summary>
internal sealed record StoreLevel(int Level, int Tables, long Bytes);

/// <summary>Tells of tasks whose state changed.</summary>
internal interface ITaskChanges
{
    /// <summary>The task's id and its new state.</summary>
    event Action<string, string>? TaskChanged;
}
