using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Varve.Simulate.Gateway;

/// <summary>One caller: writes rows of its own, reads them again over every way in, and makes journeys with keys.</summary>
internal sealed class ChaosClient(GatewayProcess gateway, int number, int seed)
{
    private const string Map = "chaos";
    private const int MessageBytes = 64 << 10;

    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan RetryMax = TimeSpan.FromMinutes(2);

    private readonly Random _random = new(HashCode.Combine(seed, number));
    private readonly List<string> _written = [];

    /// <summary>Numbers of the journeys that it has made.</summary>
    public List<int> Journeys { get; } = [];

    /// <summary>Ticks that each answered call took.</summary>
    public List<long> Times { get; } = [];

    public long Written => _written.Count;

    /// <summary>Calls answered with 502.</summary>
    public long Lost { get; private set; }

    /// <summary>Calls answered with 503.</summary>
    public long Refused { get; private set; }

    /// <summary>Calls answered with 504.</summary>
    public long Late { get; private set; }

    public async Task RunAsync(CancellationToken end)
    {
        for (int round = 0; !end.IsCancellationRequested; round++)
        {
            switch (_random.Next(10))
            {
                case < 3:
                    await WriteAsync($"{number:D3}-{round:D8}");
                    break;
                case < 5:
                    await MakeJourneyAsync();
                    break;
                case < 8:
                    await ReadAsync(CallAsync);
                    break;
                case 8:
                    await ReadAsync(StreamAsync);
                    break;
                default:
                    await ReadAsync(TalkAsync);
                    break;
            }
        }
    }

    /// <summary>All that was acknowledged is there.</summary>
    public async Task JudgeAsync()
    {
        foreach (string key in _written)
        {
            JsonNode? answer = await UntilAnsweredAsync(() => CallAsync("map_get", Get(key), null));
            Check(key, answer!);
        }
    }

    /// <summary>Acknowledged or not: if not, it may be there or not.</summary>
    private async Task WriteAsync(string key)
    {
        JsonObject arguments = new() { ["name"] = Map, ["entries"] = new JsonObject { [key] = ValueOf(key) } };
        if (await CallAsync("map_insert", arguments, null) is not { } answer) return;
        Require(answer, (int?)answer["data"]?["count"] == 1 || (int?)answer["count"] == 1, "one row written");
        _written.Add(key);
    }

    /// <summary>With a key, until it is answered: once.</summary>
    private async Task MakeJourneyAsync()
    {
        string key = $"{number}-{Journeys.Count}-{_random.Next()}";
        JsonObject arguments = new() { ["action"] = "create", ["name"] = key };
        JsonNode? answer = await UntilAnsweredAsync(() => CallAsync("journeys_tool", (JsonObject)arguments.DeepClone(), key));
        string id = (string?)answer!["data"]?["journey_id"] ?? "";
        bool isAsked = (string?)answer["data"]?["name"] == key && id.StartsWith("journey-", StringComparison.Ordinal);
        Require(answer, isAsked, "the journey asked for");
        Journeys.Add(int.Parse(id["journey-".Length..], CultureInfo.InvariantCulture));
    }

    private async Task ReadAsync(Func<string, JsonObject, string?, Task<JsonNode?>> call)
    {
        if (_written.Count == 0) return;
        string key = _written[_random.Next(_written.Count)];
        if (await call("map_get", Get(key), null) is { } answer) Check(key, answer);
    }

    private static JsonObject Get(string key) => new() { ["name"] = Map, ["key"] = key };

    private static string ValueOf(string key) => string.Concat(Enumerable.Repeat(key, 1 + (key[^1] % 8)));

    private static void Check(string key, JsonNode answer)
    {
        JsonNode data = answer["data"] as JsonObject ?? answer;
        Require(answer, (string?)data["value"] == ValueOf(key), $"the value of {key}");
    }

    private static void Require(JsonNode answer, bool holds, string what)
    {
        if (!holds) throw new InvalidDataException($"Not {what}: {answer.ToJsonString()}");
    }

    private static async Task<JsonNode> UntilAnsweredAsync(Func<Task<JsonNode?>> call)
    {
        long begun = Stopwatch.GetTimestamp();
        while (true)
        {
            if (await call() is { } answer) return answer;
            if (Stopwatch.GetElapsedTime(begun) > RetryMax) throw new TimeoutException("A call with a key was not answered in 2 min.");
            await Task.Delay(RetryDelay);
        }
    }

    /// <summary>Null: a clear error of the gateway.</summary>
    private async Task<JsonNode?> CallAsync(string tool, JsonObject arguments, string? key)
    {
        using HttpRequestMessage request = Post($"/tools/{tool}", arguments);
        if (key is not null) request.Headers.Add("Idempotency-Key", key);
        long begun = Stopwatch.GetTimestamp();
        using HttpResponseMessage response = await gateway.Http.SendAsync(request);
        string text = await response.Content.ReadAsStringAsync();
        if (IsClearError(response.StatusCode)) return null;
        Times.Add(Stopwatch.GetTimestamp() - begun);
        if (response.StatusCode != HttpStatusCode.OK) throw new InvalidDataException($"{(int)response.StatusCode} of {tool}: {text}");
        return JsonNode.Parse(text);
    }

    private async Task<JsonNode?> StreamAsync(string tool, JsonObject arguments, string? key)
    {
        using HttpRequestMessage request = Post($"/tools/{tool}/stream", arguments);
        long begun = Stopwatch.GetTimestamp();
        using HttpResponseMessage response = await gateway.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        if (IsClearError(response.StatusCode)) return null;
        using StreamReader reader = new(await response.Content.ReadAsStreamAsync());
        (string name, JsonNode? result) = ("", null);
        while (await reader.ReadLineAsync() is { } line)
        {
            if (line.StartsWith("event: ", StringComparison.Ordinal)) name = line[7..];
            if (!line.StartsWith("data: ", StringComparison.Ordinal)) continue;
            JsonNode data = JsonNode.Parse(line[6..])!;
            if (name == "error" && IsClearError(data)) return null;
            if (name == "error") throw new InvalidDataException($"A stream of {tool} ended with {line}");
            if (name == "result") result = data;
        }
        Times.Add(Stopwatch.GetTimestamp() - begun);
        return result ?? throw new InvalidDataException($"A stream of {tool} ended without a result.");
    }

    private async Task<JsonNode?> TalkAsync(string tool, JsonObject arguments, string? key)
    {
        UriBuilder url = new(gateway.Url) { Scheme = "ws", Path = $"/ws/tools/{tool}", Query = $"api_key={gateway.Key}" };
        using ClientWebSocket socket = new();
        long begun = Stopwatch.GetTimestamp();
        await socket.ConnectAsync(url.Uri, CancellationToken.None);
        JsonObject message = new() { ["arguments"] = arguments, ["id"] = "one" };
        await socket.SendAsync(
            JsonSerializer.SerializeToUtf8Bytes(message), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);
        byte[] buffer = new byte[MessageBytes];
        while (true)
        {
            ValueWebSocketReceiveResult received = await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
            if (!received.EndOfMessage || received.MessageType != WebSocketMessageType.Text)
                throw new InvalidDataException($"A socket of {tool} was closed.");
            JsonNode answer = JsonNode.Parse(buffer.AsSpan(0, received.Count))!;
            string name = (string)answer["event"]!;
            if (name == "error" && IsClearError(answer)) return null;
            if (name == "error") throw new InvalidDataException($"A socket of {tool} said {answer.ToJsonString()}");
            if (name != "complete") continue;
            Times.Add(Stopwatch.GetTimestamp() - begun);
            return answer["result"];
        }
    }

    private bool IsClearError(HttpStatusCode status)
    {
        if (status == HttpStatusCode.BadGateway) Lost++;
        else if (status == HttpStatusCode.ServiceUnavailable) Refused++;
        else if (status == HttpStatusCode.GatewayTimeout) Late++;
        else return false;
        return true;
    }

    /// <summary>Events name the status that the call would have had by itself.</summary>
    private bool IsClearError(JsonNode error) => (string?)error["code"] switch
    {
        "worker_lost" or "stopped" or "dead" => IsClearError(HttpStatusCode.BadGateway),
        "overload" or "unavailable" => IsClearError(HttpStatusCode.ServiceUnavailable),
        "timeout" => IsClearError(HttpStatusCode.GatewayTimeout),
        _ => false,
    };

    private HttpRequestMessage Post(string path, JsonObject arguments) => new(HttpMethod.Post, new Uri(gateway.Url, path))
    {
        Content = JsonContent.Create(new JsonObject { ["arguments"] = arguments }),
    };
}
