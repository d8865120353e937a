using System.Globalization;
using System.Text.Json.Nodes;
using Varve.Mcp.Tests.Fakes;

namespace Varve.Mcp.Tests.Restarts;

/// <summary>The events of a call as its client hears them, over as many connections as it takes.</summary>
internal sealed class CallStream : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private HttpResponseMessage? _response;
    private StreamReader? _reader;

    /// <summary>The stream's name; empty before its first event.</summary>
    public string Name { get; private set; } = "";

    /// <summary>Ends with the first event.</summary>
    public Task Begun => _begun.Task;

    /// <summary>The numbers of the events, in the order they came in.</summary>
    public List<int> Numbers { get; } = [];

    public List<string> Messages { get; } = [];

    public List<double> Progress { get; } = [];

    public List<string> Logs { get; } = [];

    /// <summary>Items that were sent one by one, by their index.</summary>
    public List<int> Items { get; } = [];

    /// <summary>The requests to the client that are open, in the order they came in.</summary>
    public List<JsonNode> Questions { get; } = [];

    /// <summary>The ids of those that were taken back.</summary>
    public List<string> TakenBack { get; } = [];

    public JsonNode? Answer { get; private set; }

    /// <summary>After how many milliseconds the client is to come again where the connection breaks; null: it was not told.</summary>
    public int? RetryMilliseconds { get; private set; }

    private int Last { get; set; }

    public static async Task<CallStream> OpenAsync(McpHost server, HttpRequestMessage request)
    {
        CallStream stream = new();
        await stream.ConnectAsync(server.Http, request, CancellationToken.None);
        return stream;
    }

    /// <summary>The same stream as a client has it that has heard it up to a number.</summary>
    public CallStream From(int number) => new() { Name = Name, Last = number };

    /// <summary>Reads on behind the last event that was heard.</summary>
    public Task ResumeAsync(McpHost server, string session) => ResumeAsync(server.Http, server.Listen(session, LastEventId));

    public async Task ResumeAsync(HttpClient http, HttpRequestMessage listen)
    {
        await ConnectAsync(http, listen, CancellationToken.None);
        Assert.Equal(200, (int)_response!.StatusCode);
    }

    public string LastEventId => $"{Name}-{Last:x8}";

    /// <summary>Reads until there are so many events.</summary>
    public async Task ReadAsync(int count)
    {
        while (Numbers.Count < count)
        {
            bool hasMore = await TryReadAsync(CancellationToken.None);
            Assert.True(hasMore, $"{Numbers.Count} events instead of {count}: {Answer?.ToJsonString()}");
        }
    }

    /// <summary>Reads until the server has asked something that is still open.</summary>
    public async Task<JsonNode> ReadQuestionAsync()
    {
        while (Questions.Count == 0) Assert.True(await TryReadAsync(CancellationToken.None), "The stream ended without a question.");
        return Questions[0];
    }

    public async Task ReadToEndAsync()
    {
        while (await TryReadAsync(CancellationToken.None))
        {
            // Each event is kept.
        }

        Assert.NotNull(Answer);
    }

    /// <summary>Sends a request and reads what comes until the connection breaks, as it does when the server is killed.</summary>
    public async Task SendAsync(HttpClient http, HttpRequestMessage request, CancellationToken cancellation)
    {
        try
        {
            await ConnectAsync(http, request, cancellation);
            while (await TryReadAsync(cancellation))
            {
                // Each event is kept.
            }
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException or OperationCanceledException)
        {
            // What has come in until then is what the client has.
        }
        finally
        {
            Dispose();
        }
    }

    public void Dispose()
    {
        _reader?.Dispose();
        _response?.Dispose();
    }

    private async Task ConnectAsync(HttpClient http, HttpRequestMessage request, CancellationToken cancellation)
    {
        Dispose();
        _response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        request.Dispose();
        _reader = new StreamReader(await _response.Content.ReadAsStreamAsync(cancellation));
    }

    /// <summary>One event, whatever the order of its lines; false at the end.</summary>
    private async Task<bool> TryReadAsync(CancellationToken cancellation)
    {
        string? id = null;
        string data = "";
        while (await _reader!.ReadLineAsync(cancellation).AsTask().WaitAsync(s_patience, cancellation) is { } line)
        {
            if (line.StartsWith("id: ", StringComparison.Ordinal)) id = line[4..];
            if (line.StartsWith("retry: ", StringComparison.Ordinal))
                RetryMilliseconds = int.Parse(line[7..], CultureInfo.InvariantCulture);
            if (line.StartsWith("data: {", StringComparison.Ordinal)) data = line[6..];
            if (line.Length > 0 || id is null) continue;
            Take(id, data);
            return true;
        }

        return false;
    }

    private void Take(string id, string data)
    {
        Name = id[..^9];
        Last = int.Parse(id[^8..], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        Numbers.Add(Last);
        _begun.TrySetResult();
        if (data.Length == 0) return;
        Messages.Add(data);
        JsonNode message = JsonNode.Parse(data)!;
        switch ((string?)message["method"])
        {
            case "notifications/progress":
                Progress.Add((double)message["params"]!["progress"]!);
                break;
            case "notifications/message":
                Logs.Add((string)message["params"]!["data"]!);
                break;
            case "notifications/varve/chunk":
                Items.Add((int)message["params"]!["index"]!);
                break;
            case "elicitation/create":
                Questions.Add(message);
                break;
            case "notifications/cancelled":
                TakenBack.Add((string)message["params"]!["requestId"]!);
                Assert.Equal(1, Questions.RemoveAll(question => (string?)question["id"] == TakenBack[^1]));
                break;
            case null:
                Answer = message;
                break;
        }
    }
}
