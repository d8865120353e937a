using ModelContextProtocol;
using ModelContextProtocol.Protocol;

namespace Varve.Mcp.Calls;

/// <summary>Runs calls without a journal.</summary>
internal sealed class DirectCalls : ICallRunner
{
    public ValueTask<CallToolResult> RunAsync(ToolCall call, ToolCall.Run run, CancellationToken cancellation)
    {
        // A caller that sends a key sends its call again without fear. Better no answer than an effect that happens twice.
        if (call.IdempotencyKey is not null)
            throw new McpProtocolException("This server keeps no journal, so it honours no idempotency key.", McpErrorCode.InvalidParams);
        return run(cancellation);
    }
}
