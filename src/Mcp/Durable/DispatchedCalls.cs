using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Calls;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Durable;

/// <summary>
/// Runs calls that a gateway has begun and will end: the guards of a tool write for the gateway's run, with its condition. For workers
/// only, whose one client is the gateway: what it says of run and caller is believed.
/// </summary>
internal sealed class DispatchedCalls(Journal journal, RequestStates states) : ICallRunner
{
    public async ValueTask<CallToolResult> RunAsync(ToolCall call, ToolCall.Run run, CancellationToken cancellation)
    {
        JsonObject? meta = call.Request.JsonRpcRequest.Params?["_meta"] as JsonObject;
        string principal = meta?[WorkerMeta.PrincipalKey] is JsonValue value && value.TryGetValue(out string? name)
            ? name
            : ToolCall.LocalPrincipal;
        call = call with { Principal = principal, IdempotencyKey = null };
        call.Request.User = RecoveredCall.PrincipalOf(principal);
        if (WorkerMeta.ReadRun(meta) is { } named) return await RunAsync(call, run, await AttachAsync(named, cancellation), cancellation);
        if (ToolPolicy.Of(call.Tool).IsReadOnly) return await run(cancellation);
        throw new McpProtocolException("A worker runs calls that its gateway has begun.", McpErrorCode.InvalidRequest);
    }

    private async ValueTask<InvocationContext> AttachAsync((Guid Id, long Epoch) named, CancellationToken cancellation) =>
        await journal.AttachAsync(named.Id, named.Epoch, cancellation) ?? throw Lost();

    private async ValueTask<CallToolResult> RunAsync(
        ToolCall call, ToolCall.Run run, InvocationContext invocation, CancellationToken cancellation)
    {
        using CancellationTokenRegistration leaving = cancellation.Register(invocation.Cancel);
        try
        {
            if (RequestStates.IsOne(call.Request.Params.RequestState))
                call = call with { Answers = await states.OpenAsync(call.Request.Params.RequestState!, call.Digest(), cancellation) };
            DurableContext.Current = new DurableContext(invocation, call, states);
            CallToolResult result = await run(invocation.Cancellation);
            if (invocation.IsRetryable) WorkerMeta.MarkRetryable(result);
            return result;
        }
        catch (RetryableException retryable)
        {
            CallToolResult result = ErrorCodes.Result("retryable", retryable.Message);
            WorkerMeta.MarkRetryable(result);
            return result;
        }
        catch (InvocationLostException)
        {
            throw Lost();
        }
        finally
        {
            invocation.Detach();
        }
    }

    private static McpProtocolException Lost() => new("The call is not this run's any more.", (McpErrorCode)ErrorCodes.Refused);
}
