using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Gateway;
using Varve.Mcp.Messages;
using Varve.Sharing;

namespace Varve.Mcp.Durable;

/// <summary>The journal's calls, each for its own caller, and the engine's numbers where this process has the database.</summary>
internal sealed class JournalCallHistory(Journal journal) : ICallHistory
{
    /// <summary>Calls looked at for one list, so that a caller with few among many others' does not make it read them all.</summary>
    private const int ScannedMax = 10_000;

    public bool IsOpen => journal.Store is not SharedStore shared || shared.Role != StoreRole.None;

    public StoreStatus? Store
    {
        get
        {
            Database? database = (journal.Store as SharedStore)?.Database;
            try
            {
                return database is null ? null : StatusOf(database.GetStatistics());
            }
            catch (ObjectDisposedException)
            {
                // It was handed over or closed since.
                return null;
            }
        }
    }

    public async ValueTask<IReadOnlyList<CallRecord>> ListAsync(string principal, int limit, CancellationToken cancellation)
    {
        List<CallRecord> calls = [];
        int scanned = 0;
        await foreach (Invocation call in journal.ListAsync(cancellation))
        {
            if (call.Principal == principal) calls.Add(RecordOf(call));
            if (calls.Count >= limit || ++scanned >= ScannedMax) break;
        }
        return calls;
    }

    public async ValueTask<CallRecord?> FindAsync(string principal, string id, CancellationToken cancellation) =>
        await LoadAsync(principal, id, cancellation) is { } call ? RecordOf(call) : null;

    public async ValueTask<bool> AbortAsync(string principal, string id, CancellationToken cancellation) =>
        await LoadAsync(principal, id, cancellation) is { } call && await journal.AbortAsync(call.Id, cancellation: cancellation);

    /// <summary>It is queued: whoever recovers calls runs it.</summary>
    public async ValueTask<string?> ReplayAsync(string principal, string id, CancellationToken cancellation)
    {
        try
        {
            return await LoadAsync(principal, id, cancellation) is { } call
                && await journal.ReplayAsync(call.Id, cancellation) is { } replay ? replay.ToString() : null;
        }
        catch (JournalFullException full)
        {
            throw new McpProtocolException(full.Message, full, (McpErrorCode)ErrorCodes.Refused);
        }
    }

    private static CallRecord RecordOf(Invocation call)
    {
        CallToolResult? result = call.Outcome switch
        {
            null => null,
            { State: InvocationState.Completed } outcome => StoredResult.Read(outcome, isReplay: false),
            { State: var state } => StoredResult.Without(state),
        };
        return new CallRecord(
            call.Id.ToString(), call.Name, call.State.ToString().ToLowerInvariant(), call.CreatedAt, call.Outcome?.FinishedAt,
            call.Attempts, call.Arguments is { } arguments ? JsonNode.Parse(arguments.Span) : null, result);
    }

    private static StoreStatus StatusOf(DatabaseStatistics engine) => new(
        [.. engine.Levels.Select(level => new StoreLevel(level.Level, level.Tables.Count, level.Bytes))],
        engine.MemtableBytes + engine.CacheBytes,
        engine.MemoryBudgetBytes,
        engine.WritePressure,
        new Dictionary<string, double>
        {
            ["committed_batches"] = engine.CommittedBatches,
            ["committed_operations"] = engine.CommittedOperations,
            ["commit_groups"] = engine.CommitGroups,
            ["write_stalls"] = engine.WriteStalls,
            ["write_stall_seconds"] = engine.WriteStallTime.TotalSeconds,
            ["flushes"] = engine.Flushes,
            ["flushed_bytes"] = engine.FlushedBytes,
            ["compactions"] = engine.Compactions,
            ["compaction_read_bytes"] = engine.CompactionReadBytes,
            ["compaction_written_bytes"] = engine.CompactionWrittenBytes,
            ["cache_hits"] = engine.CacheHits,
            ["cache_misses"] = engine.CacheMisses,
            ["upkeep_failures"] = engine.UpkeepFailures,
        });

    private async ValueTask<Invocation?> LoadAsync(string principal, string id, CancellationToken cancellation) =>
        Guid.TryParse(id, out Guid known) && await journal.FindAsync(known, cancellation) is { } call && call.Principal == principal
            ? call
            : null;
}
