using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Calls;
using Varve.Mcp.Durable;

namespace Varve.Mcp.Gateway.Tests.Fakes;

/// <summary>
/// A journal in memory, by the real one's rules as far as the surface meets them: keys run once and answer again, keyed calls go on without
/// their caller, and whoever asks is told the invocation.
/// </summary>
internal sealed class FakeJournal : ICallRunner
{
    private readonly Dictionary<string, (string Text, Task<CallToolResult> Running)> _keys = [];
    private int _invocations;

    public async ValueTask<CallToolResult> RunAsync(ToolCall call, ToolCall.Run run, CancellationToken cancellation)
    {
        IDictionary<string, object?>? items = call.Request.JsonRpcRequest.Context?.Items;
        bool isJournaled = call.IdempotencyKey is not null || call.Tool?.ProtocolTool.Annotations?.ReadOnlyHint != true
            || items?.ContainsKey(CallItems.JournalName) == true;
        if (isJournaled && items?.TryGetValue(CallItems.BegunName, out object? begun) == true)
            ((Action<string>)begun!)($"invocation-{Interlocked.Increment(ref _invocations)}");
        if (call.IdempotencyKey is not { } key) return await run(cancellation);

        string text = $"{call.Request.Params.Name} {JsonSerializer.Serialize(call.Request.Params.Arguments)}";
        Task<CallToolResult>? running;
        bool isReplay;
        lock (_keys)
        {
            isReplay = _keys.TryGetValue($"{call.Principal} {key}", out var known);
            if (isReplay && known.Text != text)
            {
                throw new McpProtocolException("The key was used.", McpErrorCode.InvalidParams)
                {
                    Data = { ["reason"] = "idempotency_conflict" },
                };
            }
            running = isReplay ? known.Running : run(CancellationToken.None).AsTask();
            _keys[$"{call.Principal} {key}"] = (text, running);
        }
        CallToolResult result = await running.WaitAsync(cancellation);
        if (!isReplay) return result;
        return new CallToolResult
        {
            Content = result.Content,
            StructuredContent = result.StructuredContent,
            Meta = new JsonObject { ["io.varve/replayed"] = true },
        };
    }
}
