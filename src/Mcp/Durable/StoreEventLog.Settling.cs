using System.Text.Json;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Messages;
using Varve.Sharing;

namespace Varve.Mcp.Durable;

// Streams whose process is gone: whoever reads one gets an answer, from the journal or that there is none.
internal sealed partial class StoreEventLog
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(30);

    /// <summary>Sees to it that a stream gets its last event.</summary>
    private async Task SettleAsync(string session, string stream, CancellationToken cancellation)
    {
        while (!_live.ContainsKey((session, stream)))
        {
            if (await ReadStreamAsync(session, stream, cancellation) is not { } row) return;
            if ((await ReadLastAsync(session, stream, cancellation)).Row.IsLast) return;
            bool isServed = row.Owner != journal.Incarnation && await Leases.IsHeldAsync(_store, row.Owner, cancellation);
            if (await FindAnswerAsync(row, isServed, cancellation) is { } answer)
            {
                await AppendToIdleAsync(new LiveStream(session, stream, default), answer, JsonRpcReader.Write(answer), cancellation);
                return;
            }
            await WaitAsync(row, cancellation);
        }
    }

    /// <summary>What answers the request of a stream whose process is gone; null while that is open.</summary>
    private async ValueTask<JsonRpcMessage?> FindAnswerAsync(StreamRow row, bool isServed, CancellationToken cancellation)
    {
        RequestId request = JsonSerializer.Deserialize<RequestId>(row.RequestJson.Span, McpJsonUtilities.DefaultOptions);
        if (row.Call == Guid.Empty)
        {
            const string Lost = "The server stopped before it began the request: send it again.";
            return isServed ? null : ErrorCodes.Error(request, ErrorCodes.Refused, Lost);
        }
        Invocation? call = await journal.FindAsync(row.Call, cancellation);
        if (call?.Outcome is { } outcome) return Answer(request, StoredResult.Read(outcome, isReplay: false));
        const string Gone = "The server stopped while the call was under way, and keeps no answer of it: send it again.";
        bool isAtRest = call?.State is InvocationState.Open or InvocationState.Waiting;
        bool isGone = call is null || (isAtRest && !isServed);
        return isGone ? ErrorCodes.Error(request, ErrorCodes.Refused, Gone) : null;
    }

    /// <summary>The message that answers a call.</summary>
    public static JsonRpcResponse Answer(RequestId request, CallToolResult result) =>
        new() { Id = request, Result = JsonSerializer.SerializeToNode(result, McpJsonUtilities.DefaultOptions) };

    /// <summary>Until the call has ended, or it is time to look again: it may have come to rest without an end.</summary>
    private async ValueTask WaitAsync(StreamRow row, CancellationToken cancellation)
    {
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task look = Task.Delay(LookInterval, time, either.Token);
        Task first = row.Call == Guid.Empty ? look : await Task.WhenAny(look, journal.WaitAsync(row.Call, either.Token).AsTask());
        await first;
        await either.CancelAsync();
    }
}
