using System.Text;
using System.Text.Json.Nodes;

namespace Varve.Mcp.Gateway.Tests.Tools;

/// <summary>Calls as they go over the wire, and the messages that came back, in order.</summary>
internal sealed class RawCalls(Uri url, string? key = null) : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(120) };

    public void Dispose() => _http.Dispose();

    /// <summary>A call of revision 2026-07-28; the last message is its answer.</summary>
    public Task<IReadOnlyList<JsonNode>> CallAsync(
        string tool, JsonObject? arguments = null, JsonObject? meta = null, CancellationToken cancellation = default)
    {
        meta = (JsonObject?)meta?.DeepClone() ?? [];
        meta["io.modelcontextprotocol/protocolVersion"] = PooledHost.Modern;
        meta["io.modelcontextprotocol/clientCapabilities"] ??= new JsonObject();
        var headers = new Dictionary<string, string>
        {
            ["MCP-Protocol-Version"] = PooledHost.Modern,
            ["Mcp-Method"] = "tools/call",
            ["Mcp-Name"] = tool,
        };
        JsonObject parameters = new() { ["name"] = tool, ["arguments"] = arguments?.DeepClone() ?? new JsonObject(), ["_meta"] = meta };
        return SendAsync("tools/call", parameters, headers, cancellation);
    }

    /// <summary>The same with a key.</summary>
    public async Task<JsonNode> CallWithKeyAsync(string tool, string key, JsonObject? arguments = null) =>
        (await CallAsync(tool, arguments, new JsonObject { ["io.varve/idempotencyKey"] = key }))[^1];

    /// <summary>Begins a session; its id.</summary>
    public async Task<string> InitializeAsync()
    {
        JsonObject parameters = new()
        {
            ["protocolVersion"] = PooledHost.Legacy,
            ["capabilities"] = new JsonObject(),
            ["clientInfo"] = new JsonObject { ["name"] = "test", ["version"] = "1" },
        };
        using HttpRequestMessage request = Request("initialize", parameters, []);
        using HttpResponseMessage response = await _http.SendAsync(request);
        return response.Headers.GetValues("Mcp-Session-Id").Single();
    }

    /// <summary>A call in a session.</summary>
    public Task<IReadOnlyList<JsonNode>> CallInSessionAsync(
        string session, string tool, JsonObject? arguments = null, JsonObject? meta = null)
    {
        JsonObject parameters = new() { ["name"] = tool, ["arguments"] = arguments?.DeepClone() ?? new JsonObject() };
        if (meta is not null) parameters["_meta"] = meta.DeepClone();
        var headers = new Dictionary<string, string> { ["MCP-Protocol-Version"] = PooledHost.Legacy, ["Mcp-Session-Id"] = session };
        return SendAsync("tools/call", parameters, headers, CancellationToken.None);
    }

    public static string? TextOf(JsonNode answer) => (string?)answer["result"]?["content"]?[0]?["text"];

    private async Task<IReadOnlyList<JsonNode>> SendAsync(
        string method, JsonObject parameters, Dictionary<string, string> headers, CancellationToken cancellation)
    {
        using HttpRequestMessage request = Request(method, parameters, headers);
        using HttpResponseMessage response = await _http.SendAsync(request, cancellation);
        string body = await response.Content.ReadAsStringAsync(cancellation);
        if (body.StartsWith('{')) return [JsonNode.Parse(body)!];
        return
        [
            .. body.Split('\n').Where(line => line.StartsWith("data: {", StringComparison.Ordinal))
                .Select(line => JsonNode.Parse(line[6..])!),
        ];
    }

    private HttpRequestMessage Request(string method, JsonObject parameters, Dictionary<string, string> headers)
    {
        JsonObject body = new() { ["jsonrpc"] = "2.0", ["id"] = 1, ["method"] = method, ["params"] = parameters };
        StringContent content = new(body.ToJsonString(), Encoding.UTF8, "application/json");
        HttpRequestMessage request = new(HttpMethod.Post, url) { Content = content };
        request.Headers.Accept.ParseAdd("application/json");
        request.Headers.Accept.ParseAdd("text/event-stream");
        if (key is not null) request.Headers.Add("X-API-Key", key);
        foreach ((string name, string value) in headers) request.Headers.Add(name, value);
        return request;
    }
}
