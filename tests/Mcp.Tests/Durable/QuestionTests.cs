using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Tests.Fakes;

// Sampling is deprecated in the protocol and still part of it.
#pragma warning disable MCP9005

namespace Varve.Mcp.Tests.Durable;

/// <summary>Questions of a tool to its client: asked once, answered durably, and by nobody but the caller.</summary>
public sealed class QuestionTests
{
    [Theory]
    [InlineData(RawRequests.Modern)]
    [InlineData(RawRequests.Legacy)]
    public async Task A_client_answers_and_each_guard_is_passed_once(string revision)
    {
        await using DurableHost host = await DurableHost.StartAsync();
        List<string> asked = [];
        await using McpClient client = await host.Http.ConnectAsync(revision, new McpClientOptions
        {
            Handlers = new McpClientHandlers
            {
                ElicitationHandler = (question, _) =>
                {
                    asked.Add(question!.Message);
                    string answer = question.Message.Contains("size", StringComparison.Ordinal) ? "L" : "blue";
                    JsonElement value = JsonSerializer.SerializeToElement(answer);
                    return new(new ElicitResult { Action = "accept", Content = new Dictionary<string, JsonElement> { ["value"] = value } });
                },
                SamplingHandler = (_, _, _) => new(new CreateMessageResult
                {
                    Model = "m",
                    Content = [new TextContentBlock { Text = "a cup" }],
                    Role = Role.Assistant,
                }),
            },
        });
        CallToolResult result = await client.CallToolAsync("order", new Dictionary<string, object?> { ["what"] = "coat" });
        Assert.Equal("coat, L, blue: 1", result.Content.OfType<TextContentBlock>().Single().Text);
        Assert.Equal(["Which size of coat?", "Which color?"], asked);
        Assert.Equal((1, 1), (host.Effects["reserve"], host.Effects["price"]));
        result = await client.CallToolAsync("ask_model");
        Assert.Equal("m says a cup: 1", result.Content.OfType<TextContentBlock>().Single().Text);
    }

    [Fact]
    public async Task The_time_that_a_call_may_take_stands_still_while_its_client_is_asked()
    {
        ManualTime time = new();
        await using DurableHost host = await DurableHost.StartAsync(time, options => options.CallTimeout = TimeSpan.FromSeconds(30));
        await using McpClient client = await host.Http.ConnectAsync(RawRequests.Legacy, new McpClientOptions
        {
            Handlers = new McpClientHandlers
            {
                ElicitationHandler = (_, _) =>
                {
                    time.Advance(TimeSpan.FromSeconds(50));
                    JsonElement value = JsonSerializer.SerializeToElement("L");
                    return new(new ElicitResult { Action = "accept", Content = new Dictionary<string, JsonElement> { ["value"] = value } });
                },
            },
        });
        CallToolResult result = await client.CallToolAsync("order", new Dictionary<string, object?> { ["what"] = "coat" });
        Assert.Equal("coat, L, L: 1", result.Content.OfType<TextContentBlock>().Single().Text);
    }

    [Fact]
    public async Task A_question_survives_a_restart_and_is_not_asked_again()
    {
        await using DurableHost host = await DurableHost.StartAsync();
        Question size = await AskAsync(host);
        Assert.Equal(("size", "Which size of coat?"), (size.Alias, size.Message));
        await host.RestartAsync();
        Question color = Question.Of(await CallAsync(host, size.State, Answer("size", "L")));
        Assert.Equal("color", color.Alias);
        await host.RestartAsync();
        JsonNode result = await CallAsync(host, color.State, Answer("color", "blue"));
        Assert.Equal("coat, L, blue: 1", result.Text());
        Assert.Equal((1, 1), (host.Effects["reserve"], host.Effects["price"]));
    }

    [Fact]
    public async Task The_same_answer_gets_the_same_result_and_another_one_an_error()
    {
        await using DurableHost host = await DurableHost.StartAsync();
        Question size = await AskAsync(host);
        Question color = Question.Of(await CallAsync(host, size.State, Answer("size", "L")));
        Assert.Equal("color", Question.Of(await CallAsync(host, size.State, Answer("size", "L"))).Alias);
        AssertRefused("answer_conflict", await CallAsync(host, size.State, Answer("size", "XL")));
        JsonNode first = await CallAsync(host, color.State, Answer("color", "blue"));
        JsonNode again = await CallAsync(host, color.State, Answer("color", "blue"));
        Assert.Equal("coat, L, blue: 1", first.Text());
        Assert.Equal(first["result"]!["content"]!.ToJsonString(), again["result"]!["content"]!.ToJsonString());
        AssertRefused("answer_conflict", await CallAsync(host, color.State, Answer("color", "red")));
        Assert.Equal((1, 1, 1), (host.Effects["reserve"], host.Effects["price"], host.Effects["order"]));
    }

    [Fact]
    public async Task A_request_state_is_of_one_call_and_an_hour()
    {
        var time = new ManualTime();
        await using DurableHost host = await DurableHost.StartAsync(time);
        Question size = await AskAsync(host);
        JsonObject answer = Answer("size", "L");
        AssertRefused("invalid_request_state", await CallAsync(host, size.State, answer, what: "hat"));
        AssertRefused("invalid_request_state", await CallAsync(host, size.State, answer, tool: "ask_model"));
        AssertRefused("invalid_request_state", await CallAsync(host, "varve1.", answer));
        AssertRefused("invalid_request_state", await CallAsync(host, "varve1.????", answer));
        for (int at = "varve1.".Length; at < size.State.Length; at += 7)
        {
            char[] changed = size.State.ToCharArray();
            changed[at] = changed[at] == 'A' ? 'B' : 'A';
            AssertRefused("invalid_request_state", await CallAsync(host, new string(changed), answer));
        }

        time.Advance(TimeSpan.FromHours(1));
        AssertRefused("invalid_request_state", await CallAsync(host, size.State, answer));
        Assert.Equal((1, 0), (host.Effects["reserve"], host.Effects["price"]));
    }

    [Fact]
    public async Task A_request_state_without_its_answer_is_asked_again()
    {
        await using DurableHost host = await DurableHost.StartAsync();
        Question size = await AskAsync(host);
        Question again = Question.Of(await CallAsync(host, size.State, []));
        Assert.Equal("size", again.Alias);
        Assert.Equal("color", Question.Of(await CallAsync(host, again.State, Answer("size", "L"))).Alias);
        Assert.Equal(1, host.Effects["reserve"]);
    }

    [Fact]
    public async Task A_key_and_a_request_state_are_of_the_same_call()
    {
        await using DurableHost host = await DurableHost.StartAsync();
        Question size = Question.Of(await CallAsync(host, state: null, [], key: "k"));
        AssertRefused("idempotency_conflict", await CallAsync(host, size.State, Answer("size", "L"), key: "other"));
        Question color = Question.Of(await CallAsync(host, size.State, Answer("size", "L"), key: "k"));
        Assert.Equal("color", Question.Of(await CallAsync(host, state: null, [], key: "k")).Alias);
        JsonNode result = await CallAsync(host, color.State, Answer("color", "blue"), key: "k");
        JsonNode replayed = await CallAsync(host, state: null, [], key: "k");
        Assert.Equal(result.Text(), replayed.Text());
        Assert.Equal((1, 1, 1), (host.Effects["reserve"], host.Effects["price"], host.Effects["order"]));
    }

    [Fact]
    public async Task A_client_that_cannot_answer_is_not_asked()
    {
        await using DurableHost host = await DurableHost.StartAsync();
        JsonObject call = new() { ["name"] = "order", ["arguments"] = new JsonObject { ["what"] = "coat" } };
        JsonNode answer = (await host.Http.SendAsync(host.Http.ModernRequest("tools/call", call))).Message!;
        Assert.Equal(-32021, answer.ErrorCode());
    }

    private static void AssertRefused(string reason, JsonNode answer) =>
        Assert.Equal((-32602, reason), (answer.ErrorCode(), (string?)answer["error"]!["data"]?["reason"]));

    private static JsonObject Answer(string alias, string value) => new()
    {
        [alias] = new JsonObject { ["action"] = "accept", ["content"] = new JsonObject { ["value"] = value } },
    };

    private static async Task<Question> AskAsync(DurableHost host) => Question.Of(await CallAsync(host, state: null, []));

    private static async Task<JsonNode> CallAsync(
        DurableHost host, string? state, JsonObject answers, string what = "coat", string tool = "order", string? key = null)
    {
        JsonObject call = new()
        {
            ["name"] = tool,
            ["arguments"] = tool == "order" ? new JsonObject { ["what"] = what } : new JsonObject(),
            ["_meta"] = new JsonObject
            {
                ["io.modelcontextprotocol/clientCapabilities"] =
                    new JsonObject { ["elicitation"] = new JsonObject(), ["sampling"] = new JsonObject() },
            },
        };
        if (state is not null)
        {
            call["requestState"] = state;
            call["inputResponses"] = answers.DeepClone();
        }
        HttpRequestMessage request = host.Http.ModernRequest("tools/call", call);
        if (key is not null) request.Headers.Add("Idempotency-Key", key);
        return (await host.Http.SendAsync(request)).Message!;
    }

    /// <summary>What a call has ended with that wants to know something.</summary>
    private sealed record Question(string Alias, string Message, string State)
    {
        public static Question Of(JsonNode answer)
        {
            JsonNode result = answer["result"]!;
            Assert.Equal("input_required", (string?)result["resultType"]);
            KeyValuePair<string, JsonNode?> asked = Assert.Single(result["inputRequests"]!.AsObject());
            return new Question(asked.Key, (string)asked.Value!["params"]!["message"]!, (string)result["requestState"]!);
        }
    }
}
