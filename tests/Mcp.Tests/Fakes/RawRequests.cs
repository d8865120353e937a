using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Varve.Mcp.Tests.Fakes;

/// <summary>Requests as they go over the wire, so that a test can spoil them; and what came back.</summary>
internal static class RawRequests
{
    public const string Modern = "2026-07-28";
    public const string Legacy = "2025-11-25";

    /// <summary>A request of revision 2026-07-28, with everything that it must have.</summary>
    public static HttpRequestMessage ModernRequest(this McpHost host, string method, JsonObject? parameters = null, JsonNode? id = null)
    {
        parameters = (JsonObject?)parameters?.DeepClone() ?? [];
        JsonObject meta = parameters["_meta"] as JsonObject ?? [];
        meta["io.modelcontextprotocol/protocolVersion"] = Modern;
        meta["io.modelcontextprotocol/clientCapabilities"] ??= new JsonObject();
        parameters["_meta"] = meta;
        HttpRequestMessage request = host.Request(Body(method, parameters, id ?? 1).ToJsonString());
        request.Headers.Add("MCP-Protocol-Version", Modern);
        request.Headers.Add("Mcp-Method", method);
        if ((parameters["name"] ?? parameters["uri"]) is { } name && method is "tools/call" or "prompts/get" or "resources/read")
            request.Headers.Add("Mcp-Name", name!.ToString());
        return request;
    }

    /// <summary>A call of a tool, of revision 2026-07-28.</summary>
    public static HttpRequestMessage ModernCall(this McpHost host, string tool, JsonObject? arguments = null) =>
        host.ModernRequest("tools/call", Call(tool, arguments));

    /// <summary>A request of a session.</summary>
    public static HttpRequestMessage LegacyRequest(
        this McpHost host, string? session, string method, JsonObject? parameters = null, int id = 1)
    {
        HttpRequestMessage request = host.Request(Body(method, parameters, id).ToJsonString());
        if (session is not null) request.Headers.Add("Mcp-Session-Id", session);
        if (method != "initialize") request.Headers.Add("MCP-Protocol-Version", Legacy);
        return request;
    }

    public static HttpRequestMessage LegacyCall(this McpHost host, string session, string tool, JsonObject? arguments = null, int id = 1) =>
        host.LegacyRequest(session, "tools/call", Call(tool, arguments), id);

    public static HttpRequestMessage Request(this McpHost host, string body)
    {
        StringContent content = new(body, Encoding.UTF8, "application/json");
        HttpRequestMessage request = new(HttpMethod.Post, host.Url) { Content = content };
        request.Headers.Accept.ParseAdd("application/json");
        request.Headers.Accept.ParseAdd("text/event-stream");
        return request;
    }

    /// <summary>A GET of a session's messages.</summary>
    public static HttpRequestMessage Listen(this McpHost host, string session, string? lastEventId = null)
    {
        HttpRequestMessage request = new(HttpMethod.Get, host.Url);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        request.Headers.Add("Mcp-Session-Id", session);
        request.Headers.Add("MCP-Protocol-Version", Legacy);
        if (lastEventId is not null) request.Headers.Add("Last-Event-ID", lastEventId);
        return request;
    }

    /// <summary>Begins a session and returns its id.</summary>
    public static async Task<string> InitializeAsync(
        this McpHost host, string revision = Legacy, string? key = null, JsonObject? capabilities = null)
    {
        JsonObject parameters = new()
        {
            ["protocolVersion"] = revision,
            ["capabilities"] = capabilities ?? [],
            ["clientInfo"] = new JsonObject { ["name"] = "test", ["version"] = "1" },
        };
        using HttpRequestMessage request = host.LegacyRequest(null, "initialize", parameters);
        if (key is not null) request.Headers.Add("X-API-Key", key);
        using HttpResponseMessage response = await host.Http.SendAsync(request);
        Assert.Equal(200, (int)response.StatusCode);
        return response.Headers.GetValues("Mcp-Session-Id").Single();
    }

    /// <summary>Sends it and reads the whole answer: the status, and the last message.</summary>
    public static async Task<(int Status, JsonNode? Message)> SendAsync(this McpHost host, HttpRequestMessage request)
    {
        using (request)
        using (HttpResponseMessage response = await host.Http.SendAsync(request))
            return ((int)response.StatusCode, Messages(await response.Content.ReadAsStringAsync()).LastOrDefault());
    }

    public static async Task<int> StatusAsync(this McpHost host, HttpRequestMessage request) => (await host.SendAsync(request)).Status;

    /// <summary>Opens a stream, to be read event by event.</summary>
    public static async Task<EventReader> OpenAsync(this McpHost host, HttpRequestMessage request)
    {
        HttpResponseMessage response = await host.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        request.Dispose();
        return new EventReader(response, new StreamReader(await response.Content.ReadAsStreamAsync()));
    }

    /// <summary>The messages of a body: one of JSON, or those of its events.</summary>
    public static JsonNode[] Messages(string body)
    {
        if (body.StartsWith('{')) return [JsonNode.Parse(body)!];
        IEnumerable<string> data = body.Split('\n').Where(line => line.StartsWith("data: {", StringComparison.Ordinal));
        return [.. data.Select(line => JsonNode.Parse(line[6..])!)];
    }

    public static string? Text(this JsonNode? message) => (string?)message?["result"]?["content"]?[0]?["text"];

    public static int? ErrorCode(this JsonNode? message) => (int?)message?["error"]?["code"];

    private static JsonObject Call(string tool, JsonObject? arguments) =>
        new() { ["name"] = tool, ["arguments"] = arguments?.DeepClone() ?? new JsonObject() };

    private static JsonObject Body(string method, JsonNode? parameters, JsonNode id) => new()
    {
        ["jsonrpc"] = "2.0",
        ["id"] = id.DeepClone(),
        ["method"] = method,
        ["params"] = parameters?.DeepClone() ?? new JsonObject(),
    };
}

/// <summary>An open stream of events.</summary>
internal sealed class EventReader(HttpResponseMessage response, StreamReader reader) : IDisposable
{
    public HttpResponseMessage Response => response;

    /// <summary>The next event with a message; null at the end. Comments count where they are asked for.</summary>
    public async Task<(string? Id, JsonNode Message)?> NextAsync()
    {
        string? id = null;
        while (await reader.ReadLineAsync() is { } line)
        {
            if (line.StartsWith("id: ", StringComparison.Ordinal)) id = line[4..];
            if (!line.StartsWith("data: {", StringComparison.Ordinal)) continue;
            JsonNode message = JsonNode.Parse(line[6..])!;
            // The SDK writes the id behind the data.
            while (await reader.ReadLineAsync() is { Length: > 0 } rest)
                if (rest.StartsWith("id: ", StringComparison.Ordinal)) id = rest[4..];
            return (id, message);
        }
        return null;
    }

    public Task<string?> ReadLineAsync() => reader.ReadLineAsync();

    public void Dispose()
    {
        reader.Dispose();
        response.Dispose();
    }
}
