using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Varve.Mcp.Cli.SelfTest;

/// <summary>A gateway, as the self-test talks to it.</summary>
internal sealed class GatewayClient : IDisposable
{
    public const string JourneysTool = "journeys_tool";

    private const string KeyHeader = "X-API-Key";

    private readonly HttpClient _http;
    private readonly string? _key;

    /// <param name="url">Where the gateway is, without a path.</param>
    /// <param name="key">The API key; null: none is sent.</param>
    public GatewayClient(Uri url, string? key)
    {
        (Url, _key) = (url, key);
        _http = new HttpClient { BaseAddress = url };
        if (key is not null) _http.DefaultRequestHeaders.Add(KeyHeader, key);
    }

    public Uri Url { get; }

    /// <summary>For clients of the protocol.</summary>
    public HttpClient Http => _http;

    public void Dispose() => _http.Dispose();

    public async Task<JsonNode> GetAsync(string path, CancellationToken cancellation) =>
        await TryGetAsync(path, cancellation) ?? throw new CheckFailedException($"GET {path} answered 429");

    /// <summary>Null where the key's rate is used up.</summary>
    public async Task<JsonNode?> TryGetAsync(string path, CancellationToken cancellation)
    {
        using HttpResponseMessage response = await _http.GetAsync(path, cancellation);
        if (response.StatusCode == HttpStatusCode.TooManyRequests) return null;
        CheckFailedException.Require(response.IsSuccessStatusCode, $"GET {path} answered {(int)response.StatusCode}");
        return await ReadAsync(response, cancellation);
    }

    /// <summary>Calls a tool; the answer may have any status.</summary>
    public async Task<(HttpStatusCode Status, JsonNode Answer)> CallAsync(
        string tool, JsonObject arguments, CancellationToken cancellation, string? idempotencyKey = null)
    {
        using HttpRequestMessage request = Post($"/tools/{tool}", new JsonObject { ["arguments"] = arguments });
        if (idempotencyKey is not null) request.Headers.Add("Idempotency-Key", idempotencyKey);
        using HttpResponseMessage response = await _http.SendAsync(request, cancellation);
        return (response.StatusCode, await ReadAsync(response, cancellation));
    }

    /// <summary>Sends what is not a tool call as it should be.</summary>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellation) =>
        await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);

    /// <summary>A request without the key, or with another one.</summary>
    public async Task<HttpStatusCode> GetStatusAsync(string path, string? otherKey, CancellationToken cancellation)
    {
        using HttpClient stranger = new() { BaseAddress = Url };
        if (otherKey is not null) stranger.DefaultRequestHeaders.Add(KeyHeader, otherKey);
        using HttpResponseMessage response = await stranger.GetAsync(path, cancellation);
        return response.StatusCode;
    }

    /// <summary>The events of a stream, to its end or to the number asked for.</summary>
    public async Task<List<StreamEvent>> StreamAsync(
        HttpRequestMessage request, CancellationToken cancellation, int eventsMax = int.MaxValue)
    {
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        using HttpResponseMessage response = await SendAsync(request, cancellation);
        CheckFailedException.Require(response.IsSuccessStatusCode, $"the stream answered {(int)response.StatusCode}");
        using StreamReader reader = new(await response.Content.ReadAsStreamAsync(cancellation), Encoding.UTF8);
        List<StreamEvent> events = [];
        (string id, string name) = ("", "");
        while (events.Count < eventsMax && await reader.ReadLineAsync(cancellation) is { } line)
        {
            if (line.StartsWith("id: ", StringComparison.Ordinal)) id = line[4..];
            else if (line.StartsWith("event: ", StringComparison.Ordinal)) name = line[7..];
            else if (line.StartsWith("data: ", StringComparison.Ordinal)) events.Add(new StreamEvent(id, name, JsonNode.Parse(line[6..])!));
        }
        return events;
    }

    public async Task<ClientWebSocket> ConnectAsync(string path, CancellationToken cancellation)
    {
        UriBuilder url = new(new Uri(Url, path)) { Scheme = Url.Scheme == Uri.UriSchemeHttps ? "wss" : "ws" };
        if (_key is not null) url.Query = $"api_key={Uri.EscapeDataString(_key)}";
        ClientWebSocket socket = new();
        await socket.ConnectAsync(url.Uri, cancellation);
        return socket;
    }

    public static HttpRequestMessage Post(string path, JsonNode body) => new(HttpMethod.Post, path) { Content = JsonContent.Create(body) };

    /// <summary>The tools by name; a check that needs one that is not served is skipped.</summary>
    public async Task<Dictionary<string, JsonNode>> ListToolsAsync(CancellationToken cancellation)
    {
        JsonNode answer = await GetAsync("/tools", cancellation);
        return answer["tools"]!.AsArray().ToDictionary(tool => (string)tool!["name"]!, tool => tool!);
    }

    public async Task NeedJourneysAsync(CancellationToken cancellation)
    {
        if (!(await ListToolsAsync(cancellation)).ContainsKey(JourneysTool))
            throw new CheckSkippedException($"{JourneysTool} is not served here");
    }

    /// <summary>Calls <c>journeys_tool</c>, which should go well.</summary>
    public async Task<JsonNode> JourneysAsync(JsonObject arguments, CancellationToken cancellation, string? idempotencyKey = null)
    {
        await NeedJourneysAsync(cancellation);
        (HttpStatusCode status, JsonNode answer) = await CallAsync(JourneysTool, arguments, cancellation, idempotencyKey);
        bool isWell = status == HttpStatusCode.OK && (string?)answer["status"] == "success";
        CheckFailedException.Require(isWell, $"{JourneysTool} answered {(int)status}: {answer.ToJsonString()}");
        return answer;
    }

    private static async Task<JsonNode> ReadAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        string text = await response.Content.ReadAsStringAsync(cancellation);
        return text.Length == 0 ? new JsonObject() : JsonNode.Parse(text)!;
    }
}

/// <summary>An event of a stream.</summary>
internal sealed record StreamEvent(string Id, string Name, JsonNode Data);
