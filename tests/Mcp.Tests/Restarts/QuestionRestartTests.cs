using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Tests.Fakes;

namespace Varve.Mcp.Tests.Restarts;

/// <summary>Questions of calls that a kill has cut short: taken back and asked anew, or left to whoever comes with the key.</summary>
public sealed class QuestionRestartTests
{
    private const string BeforeTheQuestion = "before the question";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task In_a_session_an_open_question_is_taken_back_and_asked_anew()
    {
        await using RestartHost host = await RestartHost.StartAsync();
        string session = await InitializeAsync(host);
        using CallStream stream = await CallStream.OpenAsync(host.Server, host.Server.LegacyCall(session, "fit", id: 5));
        JsonNode first = await stream.ReadQuestionAsync();
        stream.Dispose();
        await host.KillAsync();
        await stream.ResumeAsync(host.Server, session);
        await stream.ReadAsync(4);
        JsonNode again = Assert.Single(stream.Questions);
        Assert.Equal([IdOf(first)], stream.TakenBack);
        Assert.Equal(("Which size?", "Which size?"), (TextOf(first), TextOf(again)));
        Assert.NotEqual(IdOf(first), IdOf(again));

        // Who answers the first one all the same is not heard.
        await AnswerAsync(host, session, first, "S");
        await AnswerAsync(host, session, again, "L");
        stream.Questions.Clear();
        JsonNode color = await stream.ReadQuestionAsync();
        await AnswerAsync(host, session, color, "blue");
        await stream.ReadToEndAsync();
        Assert.Equal("L, blue", stream.Answer.Text());
        Assert.Equal(Enumerable.Range(1, stream.Numbers.Count), stream.Numbers);
    }

    [Fact]
    public async Task A_question_that_was_answered_is_neither_taken_back_nor_asked_again()
    {
        await using RestartHost host = await RestartHost.StartAsync();
        string session = await InitializeAsync(host);
        using CallStream stream = await CallStream.OpenAsync(host.Server, host.Server.LegacyCall(session, "fit", id: 5));
        await AnswerAsync(host, session, await stream.ReadQuestionAsync(), "L");
        stream.Questions.Clear();
        List<string> open = [];
        for (int kill = 0; kill < 2; kill++)
        {
            JsonNode color = await stream.ReadQuestionAsync();
            Assert.Equal("Which color?", TextOf(color));
            open.Add(IdOf(color));
            stream.Dispose();
            await host.KillAsync();
            await stream.ResumeAsync(host.Server, session);
            await stream.ReadAsync(5 + (2 * kill));
            Assert.Equal(open, stream.TakenBack);
        }

        await AnswerAsync(host, session, await stream.ReadQuestionAsync(), "blue");
        await stream.ReadToEndAsync();
        Assert.Equal(("L, blue", 1), (stream.Answer.Text(), host.Effects["cut"]));
    }

    [Fact]
    public async Task An_answer_that_comes_late_is_none_to_the_question_of_another_call()
    {
        await using RestartHost host = await RestartHost.StartAsync();
        string session = await InitializeAsync(host);
        using CallStream first = await CallStream.OpenAsync(host.Server, host.Server.LegacyCall(session, "fragile_fit", id: 5));
        JsonNode late = await first.ReadQuestionAsync();
        await host.KillAsync();
        using CallStream second = await CallStream.OpenAsync(host.Server, host.Server.LegacyCall(session, "fragile_fit", id: 6));
        JsonNode question = await second.ReadQuestionAsync();
        await AnswerAsync(host, session, late, "S");
        await AnswerAsync(host, session, question, "L");
        await second.ReadToEndAsync();
        Assert.Equal("L", second.Answer.Text());
    }

    [Fact]
    public async Task A_call_that_may_not_run_again_takes_its_question_back_and_ends()
    {
        await using RestartHost host = await RestartHost.StartAsync();
        string session = await InitializeAsync(host);
        using CallStream stream = await CallStream.OpenAsync(host.Server, host.Server.LegacyCall(session, "fragile_fit", id: 5));
        string question = IdOf(await stream.ReadQuestionAsync());
        stream.Dispose();
        await host.KillAsync();
        await stream.ResumeAsync(host.Server, session);
        await stream.ReadToEndAsync();
        Assert.Equal([question], stream.TakenBack);
        Assert.Equal("stopped", (string?)stream.Answer!["result"]!["_meta"]!["io.varve/error"]!["code"]);
        Assert.Equal([1, 2, 3, 4], stream.Numbers);
    }

    /// <summary>Each of them: the session's end meets them in any order.</summary>
    [Fact]
    public async Task A_server_that_is_stopped_leaves_open_questions_to_the_next_one()
    {
        const int Calls = 8;
        await using RestartHost host = await RestartHost.StartAsync();
        string session = await InitializeAsync(host);
        List<CallStream> streams = [];
        for (int id = 10; id < 10 + Calls; id++)
        {
            HttpRequestMessage call = host.Server.LegacyCall(session, "fit", id: id);
            if (id % 2 == 0) call.Headers.Add("Idempotency-Key", $"{id}");
            streams.Add(await CallStream.OpenAsync(host.Server, call));
            await streams[^1].ReadQuestionAsync();
            streams[^1].Dispose();
        }

        await host.StopAsync();
        foreach (CallStream stream in streams)
        {
            await stream.ResumeAsync(host.Server, session);
            await stream.ReadAsync(4);
            await AnswerAsync(host, session, Assert.Single(stream.Questions), "L");
            stream.Questions.Clear();
            await AnswerAsync(host, session, await stream.ReadQuestionAsync(), "blue");
            await stream.ReadToEndAsync();
            Assert.Equal("L, blue", stream.Answer.Text());
        }

        Assert.Equal(Calls, host.Effects["cut"]);
    }

    /// <summary>Nobody is there to be asked: the call waits, for whoever comes with its key.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Without_its_client_a_call_waits_with_its_question_for_whoever_has_the_key(bool canAnswer)
    {
        await using RestartHost host = await RestartHost.StartAsync(BeforeTheQuestion);
        _ = host.Server.Http.SendAsync(KeyedFit(host.Server, state: null, canAnswer));
        await host.World.Reached.WaitAsync(s_patience);
        await host.KillAsync();
        await WaitForRestAsync(host);
        Assert.Equal(InvocationState.Waiting, (await host.FindCallAsync()).State);

        JsonNode asked = (await host.Server.SendAsync(KeyedFit(host.Server, state: null))).Message!["result"]!;
        Assert.Equal("input_required", (string?)asked["resultType"]);
        asked = (await host.Server.SendAsync(KeyedFit(host.Server, asked, canAnswer: true, ("size", "L")))).Message!["result"]!;
        JsonNode answer = (await host.Server.SendAsync(KeyedFit(host.Server, asked, canAnswer: true, ("color", "blue")))).Message!;
        Assert.Equal(("L, blue", 1), (answer.Text(), host.Effects["cut"]));
        Assert.Equal(InvocationState.Completed, (await host.FindCallAsync()).State);
    }

    /// <summary>Sessions of older revisions have no streams that go on: whoever sends the call again, with its key, is asked.</summary>
    [Fact]
    public async Task A_session_that_sends_the_call_again_is_asked()
    {
        await using RestartHost host = await RestartHost.StartAsync(BeforeTheQuestion);
        string older = await host.Server.InitializeAsync("2025-06-18", capabilities: new JsonObject { ["elicitation"] = new JsonObject() });
        HttpRequestMessage call = host.Server.LegacyCall(older, "fit", id: 5);
        call.Headers.Remove("MCP-Protocol-Version");
        call.Headers.Add("MCP-Protocol-Version", "2025-06-18");
        call.Headers.Add("Idempotency-Key", "k");
        _ = host.Server.Http.SendAsync(call);
        await host.World.Reached.WaitAsync(s_patience);
        await host.KillAsync();
        await WaitForRestAsync(host);
        Assert.Equal(InvocationState.Waiting, (await host.FindCallAsync()).State);

        string session = await InitializeAsync(host);
        HttpRequestMessage again = host.Server.LegacyCall(session, "fit", id: 6);
        again.Headers.Add("Idempotency-Key", "k");
        using CallStream stream = await CallStream.OpenAsync(host.Server, again);
        await AnswerAsync(host, session, await stream.ReadQuestionAsync(), "L");
        stream.Questions.Clear();
        await AnswerAsync(host, session, await stream.ReadQuestionAsync(), "blue");
        await stream.ReadToEndAsync();
        Assert.Equal(("L, blue", 1), (stream.Answer.Text(), host.Effects["cut"]));
    }

    /// <summary>Real processes on one port, and nothing but what the SDK's client does by itself.</summary>
    [Fact]
    public async Task A_client_of_the_sdk_drops_the_question_of_a_killed_server_and_answers_the_next_one()
    {
        string directory = Directory.CreateTempSubdirectory("varve-mcp-").FullName;
        int port = KilledProcess.FreePort();
        TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource takenBack = new(TaskCreationOptions.RunContinuationsAsynchronously);
        McpClientHandlers handlers = new() { ElicitationHandler = AnswerAsync };
        KilledProcess first = await KilledProcess.StartAsync("http", directory, "", port);
        await using McpClient client = await first.ConnectInSessionAsync(new McpClientOptions { Handlers = handlers });
        Task<CallToolResult> calling = client.CallToolAsync("fit").AsTask();
        await asked.Task.WaitAsync(s_patience);
        first.Kill();
        await first.EndedAsync();
        first.Dispose();
        using (KilledProcess second = await KilledProcess.StartAsync("http", directory, "", port))
        {
            await takenBack.Task.WaitAsync(s_patience);
            CallToolResult result = await calling.WaitAsync(s_patience);
            Assert.Equal("Which size? yes, Which color? yes", Assert.IsType<TextContentBlock>(Assert.Single(result.Content)).Text);
            Assert.Equal(["cut"], await File.ReadAllLinesAsync(KilledProcess.EffectsOf(directory)));
            second.Kill();
            await second.EndedAsync();
        }

        Directory.Delete(directory, recursive: true);

        async ValueTask<ElicitResult> AnswerAsync(ElicitRequestParams? question, CancellationToken cancellation)
        {
            if (asked.TrySetResult())
            {
                using CancellationTokenRegistration registration = cancellation.Register(takenBack.SetResult);
                await Task.Delay(Timeout.Infinite, cancellation);
            }

            JsonElement value = JsonSerializer.SerializeToElement($"{question!.Message} yes");
            return new ElicitResult { Action = "accept", Content = new Dictionary<string, JsonElement> { ["value"] = value } };
        }
    }

    private static Task<string> InitializeAsync(RestartHost host) =>
        host.Server.InitializeAsync(capabilities: new JsonObject { ["elicitation"] = new JsonObject() });

    private static string IdOf(JsonNode question) => (string)question["id"]!;

    private static string TextOf(JsonNode question) => (string)question["params"]!["message"]!;

    private static async Task AnswerAsync(RestartHost host, string session, JsonNode question, string value)
    {
        JsonObject answer = new()
        {
            ["jsonrpc"] = "2.0",
            ["id"] = question["id"]!.DeepClone(),
            ["result"] = Accepted(value),
        };
        HttpRequestMessage request = host.Server.Request(answer.ToJsonString());
        request.Headers.Add("Mcp-Session-Id", session);
        request.Headers.Add("MCP-Protocol-Version", RawRequests.Legacy);
        Assert.Equal(202, await host.Server.StatusAsync(request));
    }

    private static JsonObject Accepted(string value) =>
        new() { ["action"] = "accept", ["content"] = new JsonObject { ["value"] = value } };

    private static HttpRequestMessage KeyedFit(
        McpHost server, JsonNode? state, bool canAnswer = true, params (string Alias, string Value)[] answers)
    {
        JsonObject capabilities = canAnswer ? new JsonObject { ["elicitation"] = new JsonObject() } : [];
        JsonObject call = new()
        {
            ["name"] = "fit",
            ["arguments"] = new JsonObject(),
            ["_meta"] = new JsonObject { ["io.modelcontextprotocol/clientCapabilities"] = capabilities },
        };
        if (state is not null) call["requestState"] = state["requestState"]!.DeepClone();
        JsonObject given = [];
        foreach ((string alias, string value) in answers) given[alias] = Accepted(value);
        if (given.Count > 0) call["inputResponses"] = given;
        HttpRequestMessage request = server.ModernRequest("tools/call", call);
        request.Headers.Add("Idempotency-Key", "k");
        return request;
    }

    /// <summary>Until nobody runs the call any more.</summary>
    private static async Task WaitForRestAsync(RestartHost host)
    {
        using var patience = new CancellationTokenSource(s_patience);
        while (await host.FindCallAsync() is { State: InvocationState.Running }) await Task.Delay(10, patience.Token);
    }
}
