using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Tests.Fakes;
using Varve.Sharing;
using Xunit.Abstractions;

namespace Varve.Mcp.Tests.Restarts;

/// <summary>
/// A process killed by SIGKILL at each point of a call, over each transport, and a second one on the same data: the call's effects happen
/// once, its answer is the same, and its stream has no gap.
/// </summary>
public sealed class KillMatrixTests(ITestOutputHelper output) : IDisposable
{
    private const string BehindTheAnswer = "behind the answer";
    private const string Expected = "ordered 7: receipt 7";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly Dictionary<string, object?> s_arguments = new() { ["amount"] = 7 };

    private readonly string _directory = Directory.CreateTempSubdirectory("varve-mcp-").FullName;
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = s_patience };

    public static TheoryData<string> Points =>
    [
        KillableServer.BeforeTheRequest, KillableServer.BehindTheRequest, "in the step", "behind the step",
        KillableServer.BeforeTheOutcome, KillableServer.BehindTheOutcome, BehindTheAnswer,
    ];

    /// <summary>Each of them, once in the owner of the directory and once in a peer.</summary>
    public static TheoryData<string, bool> PointsOfTwo
    {
        get
        {
            TheoryData<string, bool> all = [];
            foreach (string point in Points) all.Add(point, true);
            foreach (string point in Points) all.Add(point, false);
            return all;
        }
    }

    public void Dispose()
    {
        _http.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Theory]
    [MemberData(nameof(Points))]
    public async Task In_a_session_over_http_the_stream_goes_on(string point)
    {
        CallStream stream = new();
        string session;
        using (KilledProcess first = await KilledProcess.StartAsync("http", _directory, point))
        {
            session = await InitializeAsync(first.Url!);
            await stream.SendAsync(_http, Post(first.Url!, Call(5, key: null), session), CancellationToken.None);
            if (point == BehindTheAnswer) first.Kill();
            await first.EndedAsync();
        }

        long start = Stopwatch.GetTimestamp();
        using KilledProcess second = await KilledProcess.StartAsync("http", _directory, "");
        if (stream.Answer is null)
        {
            await stream.ResumeAsync(_http, Listen(second.Url!, session, stream.LastEventId));
            await stream.ReadToEndAsync();
            Report(point, start);
        }

        bool wasBegun = stream.Answer.ErrorCode() is null;
        Assert.Equal(point != KillableServer.BeforeTheRequest, wasBegun);
        if (wasBegun)
        {
            Assert.Equal([1, 2, 3], stream.Progress);
            Assert.Equal(["ordered", "receipt 7"], stream.Logs);
            Assert.Equal(Enumerable.Range(1, stream.Numbers.Count), stream.Numbers);
        }
        else
        {
            // Nothing has happened, the client is told so, and sends it again.
            stream = new CallStream();
            await stream.SendAsync(_http, Post(second.Url!, Call(6, key: null), session), CancellationToken.None);
        }

        // The session is the same, and so is what was told.
        using CallStream again = stream.From(1);
        await again.ResumeAsync(_http, Listen(second.Url!, session, again.LastEventId));
        await again.ReadToEndAsync();
        Assert.Equal(stream.Messages, again.Messages);
        Assert.Equal(Expected, stream.Answer.Text());
        await CheckEffectsAsync(second);
    }

    [Theory]
    [MemberData(nameof(Points))]
    public async Task Over_http_without_sessions_the_key_gets_the_answer(string point)
    {
        JsonNode? answer;
        using (KilledProcess first = await KilledProcess.StartAsync("http", _directory, point))
        {
            answer = await TryCallModernAsync(first.Url!);
            Assert.Equal(point == BehindTheAnswer, answer is not null);
            if (answer is not null) first.Kill();
            await first.EndedAsync();
        }

        long start = Stopwatch.GetTimestamp();
        using KilledProcess second = await KilledProcess.StartAsync("http", _directory, "");
        JsonNode again = (await TryCallModernAsync(second.Url!))!;
        Report(point, start);
        Assert.Equal(Expected, again.Text());
        if (answer is not null) Assert.Equal(answer["result"]!["content"]!.ToJsonString(), again["result"]!["content"]!.ToJsonString());
        await CheckEffectsAsync(second);
    }

    [Theory]
    [MemberData(nameof(Points))]
    public async Task Over_stdio_the_key_gets_the_answer(string point)
    {
        JsonNode? answer;
        using (KilledProcess first = await KilledProcess.StartAsync("stdio", _directory, point))
        {
            Assert.NotNull(await first.AskAsync(Initialize));
            answer = await first.AskAsync(Call(5, "k"));
            Assert.Equal(point == BehindTheAnswer, answer is not null);
            if (answer is not null) first.Kill();
            await first.EndedAsync();
        }

        long start = Stopwatch.GetTimestamp();
        using KilledProcess second = await KilledProcess.StartAsync("stdio", _directory, "");
        Assert.NotNull(await second.AskAsync(Initialize));
        JsonNode again = (await second.AskAsync(Call(5, "k")))!;
        Report(point, start);
        Assert.Equal(Expected, again.Text());
        if (answer is not null) Assert.Equal(answer["result"]!["content"]!.ToJsonString(), again["result"]!["content"]!.ToJsonString());
        await CheckEffectsAsync(second);
    }

    /// <summary>Nothing but what the SDK's client does by itself.</summary>
    [Theory]
    [InlineData("behind the step")]
    [InlineData(KillableServer.BehindTheOutcome)]
    public async Task A_client_of_the_sdk_gets_its_answer_without_asking_again(string point)
    {
        int port = KilledProcess.FreePort();
        KilledProcess first = await KilledProcess.StartAsync("http", _directory, point, port);
        List<float> progress = [];
        await using McpClient client = await first.ConnectInSessionAsync(new McpClientOptions());
        Task<CallToolResult> calling = client.CallToolAsync(
            "order", s_arguments, new Progress(told => { lock (progress) progress.Add(told.Progress); })).AsTask();
        await first.EndedAsync();
        first.Dispose();
        long start = Stopwatch.GetTimestamp();
        using KilledProcess second = await KilledProcess.StartAsync("http", _directory, "", port);
        long served = Stopwatch.GetTimestamp();
        CallToolResult result = await calling.WaitAsync(s_patience);
        Report(point, start);
        output.WriteLine($"and {Milliseconds(served)} after it listens");
        Assert.Equal(Expected, TextOf(result));

        // The client hands notices out beside each other, in no certain order.
        lock (progress) Assert.Equal(progress.Distinct(), progress);
        Assert.NotEmpty(await client.ListToolsAsync());
        await CheckEffectsAsync(second);
    }

    /// <summary>
    /// As two programs on one machine have them, each with a server of its own: the one that runs the call is killed, and its client goes
    /// to the other, which has nothing from it but the directory.
    /// </summary>
    [Theory]
    [MemberData(nameof(PointsOfTwo))]
    public async Task Of_two_processes_on_one_directory_the_one_that_stays_gives_the_answer(string point, bool isOwner)
    {
        using KilledProcess owner = await KilledProcess.StartAsync("shared", _directory, isOwner ? point : "");
        using KilledProcess peer = await KilledProcess.StartAsync("shared", _directory, isOwner ? "" : point);
        Assert.Equal(("Owner", "Peer"), (owner.Role, peer.Role));
        (KilledProcess killed, KilledProcess left) = isOwner ? (owner, peer) : (peer, owner);
        await using McpClient client = await killed.ConnectAsync();
        await using McpClient clientOfOther = await left.ConnectAsync();
        long end = 0;
        CallToolResult answer = await OrderAsync(client, ReachOtherAsync);
        Assert.Equal(point == BehindTheAnswer, end == 0);
        if (end == 0)
        {
            killed.Kill();
            await ReachOtherAsync();
            CallToolResult again = await OrderAsync(clientOfOther);
            Assert.Equal(TextOf(answer), TextOf(again));
        }

        output.WriteLine($"{(isOwner ? "owner" : "peer")} killed {point}: answered {Milliseconds(end)} after its end");
        Assert.Equal(Expected, TextOf(answer));
        Assert.Equal(Expected, TextOf(await OrderAsync(clientOfOther)));
        await CheckEffectsAsync(left);

        async ValueTask<McpClient> ReachOtherAsync()
        {
            await killed.EndedAsync();
            end = Stopwatch.GetTimestamp();
            return clientOfOther;
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_waits_for_a_call_of_a_process_that_is_killed_gets_its_answer(bool isOwner)
    {
        using KilledProcess owner = await KilledProcess.StartAsync("shared", _directory, isOwner ? KillableServer.HeldInTheStep : "");
        using KilledProcess peer = await KilledProcess.StartAsync("shared", _directory, isOwner ? "" : KillableServer.HeldInTheStep);
        (KilledProcess killed, KilledProcess left) = isOwner ? (owner, peer) : (peer, owner);
        await using McpClient client = await killed.ConnectAsync();
        await using McpClient clientOfOther = await left.ConnectAsync();
        TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task lost = client.CallToolAsync(
            "order", s_arguments, new Progress(_ => begun.TrySetResult()),
            new RequestOptions { Meta = new JsonObject { ["io.varve/idempotencyKey"] = "k" } }).AsTask();
        await begun.Task.WaitAsync(s_patience);
        Task<CallToolResult> waiting = OrderAsync(clientOfOther);
        killed.Kill();
        await killed.EndedAsync();
        long end = Stopwatch.GetTimestamp();
        Assert.Equal(Expected, TextOf(await waiting.WaitAsync(s_patience)));
        output.WriteLine($"{(isOwner ? "owner" : "peer")} killed: answered {Milliseconds(end)} after its end");
        await Assert.ThrowsAnyAsync<Exception>(() => lost);
        await CheckEffectsAsync(left);
    }

    private static async Task<CallToolResult> OrderAsync(McpClient client, Func<ValueTask<McpClient>>? reconnect = null) =>
        await client.CallDurablyAsync("order", s_arguments, new DurableCallOptions
        {
            Key = "k",
            FirstDelay = TimeSpan.FromMilliseconds(1),
            Reconnect = reconnect is null ? null : async (_, _) => await reconnect(),
        }).WaitAsync(s_patience);

    private static string TextOf(CallToolResult result) => Assert.IsType<TextContentBlock>(Assert.Single(result.Content)).Text;

    private static string Milliseconds(long start) => $"{Stopwatch.GetElapsedTime(start).TotalMilliseconds:0} ms";

    private sealed class Progress(Action<ProgressNotificationValue> told) : IProgress<ProgressNotificationValue>
    {
        public void Report(ProgressNotificationValue value) => told(value);
    }

    private static JsonObject Initialize => new()
    {
        ["jsonrpc"] = "2.0",
        ["id"] = 1,
        ["method"] = "initialize",
        ["params"] = new JsonObject
        {
            ["protocolVersion"] = RawRequests.Legacy,
            ["capabilities"] = new JsonObject(),
            ["clientInfo"] = new JsonObject { ["name"] = "test", ["version"] = "1" },
        },
    };

    private static JsonObject Call(int id, string? key)
    {
        JsonObject meta = new() { ["progressToken"] = "p" };
        if (key is not null) meta["io.varve/idempotencyKey"] = key;
        return new JsonObject
        {
            ["jsonrpc"] = "2.0",
            ["id"] = id,
            ["method"] = "tools/call",
            ["params"] = new JsonObject
            {
                ["name"] = "order",
                ["arguments"] = new JsonObject { ["amount"] = 7 },
                ["_meta"] = meta,
            },
        };
    }

    private static HttpRequestMessage Post(Uri url, JsonObject message, string? session)
    {
        HttpRequestMessage request = new(HttpMethod.Post, url)
        {
            Content = new StringContent(message.ToJsonString(), Encoding.UTF8, "application/json"),
        };
        request.Headers.Accept.ParseAdd("application/json");
        request.Headers.Accept.ParseAdd("text/event-stream");
        if (session is not null) AddSession(request.Headers, session);
        return request;
    }

    private static HttpRequestMessage Listen(Uri url, string session, string lastEventId)
    {
        HttpRequestMessage request = new(HttpMethod.Get, url);
        request.Headers.Accept.ParseAdd("text/event-stream");
        AddSession(request.Headers, session);
        request.Headers.Add("Last-Event-ID", lastEventId);
        return request;
    }

    private static void AddSession(HttpRequestHeaders headers, string session)
    {
        headers.Add("Mcp-Session-Id", session);
        headers.Add("MCP-Protocol-Version", RawRequests.Legacy);
    }

    private async Task<string> InitializeAsync(Uri url)
    {
        using HttpResponseMessage response = await _http.SendAsync(Post(url, Initialize, session: null));
        return response.Headers.GetValues("Mcp-Session-Id").Single();
    }

    /// <summary>Null when the server is killed meanwhile.</summary>
    private async Task<JsonNode?> TryCallModernAsync(Uri url)
    {
        JsonObject call = Call(5, "k");
        JsonNode meta = call["params"]!["_meta"]!;
        meta["io.modelcontextprotocol/protocolVersion"] = RawRequests.Modern;
        meta["io.modelcontextprotocol/clientCapabilities"] = new JsonObject();
        using HttpRequestMessage request = Post(url, call, session: null);
        request.Headers.Add("MCP-Protocol-Version", RawRequests.Modern);
        request.Headers.Add("Mcp-Method", "tools/call");
        request.Headers.Add("Mcp-Name", "order");
        try
        {
            using HttpResponseMessage response = await _http.SendAsync(request);
            return RawRequests.Messages(await response.Content.ReadAsStringAsync())
                .LastOrDefault(message => message["method"] is null);
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    /// <summary>The process is gone, and what it has left is looked at.</summary>
    private async Task CheckEffectsAsync(KilledProcess server)
    {
        server.Kill();
        await server.EndedAsync();
        Assert.Equal(["ship"], await File.ReadAllLinesAsync(KilledProcess.EffectsOf(_directory)));
        using Database database = Database.Open(Path.Combine(_directory, "data"));
        Assert.Equal([7], database.GetMap("charges").Get("all"u8)!);
        Invocation call = Assert.Single(await ListAsync(new Journal(new EmbeddedStore(database))));
        Assert.Equal(InvocationState.Completed, call.State);
        Assert.True(call.Attempts <= 2, $"{call.Attempts} attempts");
    }

    private static async Task<List<Invocation>> ListAsync(Journal journal)
    {
        List<Invocation> all = [];
        await foreach (Invocation call in journal.ListAsync()) all.Add(call);
        return all;
    }

    private void Report(string point, long start) => output.WriteLine(
        $"killed {point}: answered {Milliseconds(start)} after the program was started");
}
