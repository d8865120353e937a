using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Gateway.Pool;

namespace Varve.Mcp.Gateway.Tests.Tools;

/// <summary>Workers that answer as the test says.</summary>
internal sealed class FakePool : IWorkerPool
{
    public event Action? Changed;

    public event Action<string>? ListChanged;

    public IReadOnlyList<Tool> Tools { get; private set; } = [];

    public ServerCapabilities? Capabilities { get; private set; } = new() { Tools = new() };

    public PoolStatus Status { get; } = new([], 1, 1, 0, 0);

    public bool IsFull => false;

    public Task Ready => Task.CompletedTask;

    /// <summary>What was sent, in order.</summary>
    public ConcurrentQueue<PoolRequest> Sent { get; } = new();

    public Func<PoolRequest, CancellationToken, Task<JsonNode?>> Answer { get; set; } = (_, _) => Task.FromResult<JsonNode?>(Text("done"));

    public static JsonObject Text(string text) => new()
    {
        ["resultType"] = "complete",
        ["content"] = new JsonArray(new JsonObject { ["type"] = "text", ["text"] = text }),
    };

    public static Tool ToolOf(string name, bool isReadOnly = false, string? meta = null, string properties = "{}") => new()
    {
        Name = name,
        Description = name,
        InputSchema = JsonElement.Parse($$"""{"type":"object","properties":{{properties}}}"""),
        Annotations = new ToolAnnotations { ReadOnlyHint = isReadOnly },
        Meta = meta is null ? null : (JsonObject)JsonNode.Parse(meta)!,
    };

    public void Offer(params IReadOnlyList<Tool> tools) => Offer(Capabilities, tools);

    public void Offer(ServerCapabilities? capabilities, IReadOnlyList<Tool> tools)
    {
        (Capabilities, Tools) = (capabilities, tools);
        Changed?.Invoke();
    }

    public void TellOfList(string method) => ListChanged?.Invoke(method);

    public Task<JsonNode?> SendAsync(PoolRequest request, CancellationToken cancellation)
    {
        Sent.Enqueue(request);
        return Answer(request, cancellation);
    }
}
