using System.Text;
using System.Text.Json.Nodes;
using Varve.Idempotency;
using Varve.Mcp.Tests.Fakes;
using Varve.Sharing;

namespace Varve.Mcp.Tests.Durable;

/// <summary>What the journal makes of calls: one effect and one answer for a key, and what is kept of which outcome.</summary>
public sealed class JournaledCallTests
{
    [Fact]
    public async Task A_key_has_one_effect_and_one_answer_also_behind_a_restart()
    {
        await using DurableHost host = await DurableHost.StartAsync();
        JsonNode first = await CallAsync(host, "pay", new JsonObject { ["amount"] = 5 }, key: "k");
        Assert.Equal(("paid 5 in run 1", false), (first.Text(), IsReplayed(first)));
        for (int i = 0; i < 2; i++)
        {
            JsonNode again = await CallAsync(host, "pay", new JsonObject { ["amount"] = 5 }, key: "k");
            Assert.True(IsReplayed(again));
            Assert.Equal(first["result"]!["content"]!.ToJsonString(), again["result"]!["content"]!.ToJsonString());
            await host.RestartAsync();
        }

        Assert.Equal(1, host.Effects["charge"]);
        await CallAsync(host, "pay", new JsonObject { ["amount"] = 5 });
        Assert.Equal(2, host.Effects["charge"]);
    }

    [Fact]
    public async Task S19_a_key_with_other_arguments_or_for_another_tool_is_a_conflict_that_tells_nothing()
    {
        await using DurableHost host = await DurableHost.StartAsync();
        await CallAsync(host, "pay", new JsonObject { ["amount"] = 5 }, key: "k");
        foreach (JsonNode refused in new[]
        {
            await CallAsync(host, "pay", new JsonObject { ["amount"] = 6 }, key: "k"),
            await CallAsync(host, "flaky", [], key: "k"),
        })
        {
            Assert.Equal((-32602, "idempotency_conflict"), (refused.ErrorCode(), (string?)refused["error"]!["data"]!["reason"]));
            Assert.DoesNotContain("paid", refused.ToJsonString(), StringComparison.Ordinal);
        }

        Assert.Equal((1, 0), (host.Effects["charge"], host.Effects["flaky"]));
    }

    [Fact]
    public async Task Calls_with_one_key_join()
    {
        await using DurableHost host = await DurableHost.StartAsync();
        Task<JsonNode>[] calls = [.. Enumerable.Range(0, 4).Select(_ => CallAsync(host, "hold", [], key: "k"))];
        await host.Http.Gate.Entered.WaitAsync();
        host.Http.Gate.Open();
        JsonNode[] answers = await Task.WhenAll(calls);
        Assert.All(answers, answer => Assert.Equal("held", answer.Text()));
        Assert.Equal(3, answers.Count(IsReplayed));
        Assert.Equal(1, host.Effects["hold"]);
    }

    [Fact]
    public async Task Without_a_key_a_call_ends_with_its_caller_and_with_one_it_goes_on()
    {
        await using DurableHost host = await DurableHost.StartAsync();
        await LeaveAsync(host, key: null);
        await host.Http.Gate.Cancelled.WaitAsync();
        await LeaveAsync(host, key: "k");
        host.Http.Gate.Open();
        JsonNode answer = await CallAsync(host, "hold", [], key: "k");
        Assert.Equal(("held", true), (answer.Text(), IsReplayed(answer)));
        Assert.Equal((2, 0), (host.Effects["hold"], host.Http.Gate.Cancelled.CurrentCount));
    }

    [Fact]
    public async Task S11_a_call_that_goes_on_without_its_caller_counts_among_those_that_run()
    {
        await using DurableHost host = await DurableHost.StartAsync(
            configure: options => (options.CallsMax, options.CallsQueuedMax) = (1, 0));
        await LeaveAsync(host, key: "k");
        Assert.Equal(-32000, (await CallAsync(host, "look", [])).ErrorCode());
        host.Http.Gate.Open();
        InvocationOutcome? outcome = await host.Journal.WaitAsync((await host.ListAsync()).Single().Id);
        Assert.False(outcome!.IsError);

        // The permit goes back right behind the outcome.
        while ((await CallAsync(host, "look", [])).ErrorCode() == -32000) await Task.Yield();
        Assert.Equal(1, host.Effects["look"]);
    }

    [Fact]
    public async Task The_answer_of_a_key_holds_when_the_tool_wants_other_arguments_by_now()
    {
        await using DurableHost host = await DurableHost.StartAsync();
        var arguments = new JsonObject { ["amount"] = 5 };
        JsonNode first = await CallAsync(host, "pay", arguments, key: "k");
        await host.RestartAsync<LaterTools>();
        JsonNode again = await CallAsync(host, "pay", arguments, key: "k");
        Assert.Equal((first.Text(), true), (again.Text(), IsReplayed(again)));
        foreach (string? key in new[] { null, "another" })
            Assert.Equal("invalid_argument", ErrorOf(await CallAsync(host, "pay", arguments, key)));
        Assert.Equal(1, host.Effects["charge"]);
    }

    [Fact]
    public async Task A_failure_that_nobody_waits_for_any_more_is_in_the_log()
    {
        await using DurableHost host = await DurableHost.StartAsync();
        await LeaveAsync(host, key: "k", tool: "hold_and_refuse");
        host.Http.Gate.Open();
        bool isLogged = SpinWait.SpinUntil(
            () => host.Http.Log.Text.Contains("hold_and_refuse", StringComparison.Ordinal), TimeSpan.FromSeconds(20));
        Assert.True(isLogged);
    }

    [Fact]
    public async Task What_is_not_final_is_run_again_with_what_its_guards_have_done()
    {
        await using DurableHost host = await DurableHost.StartAsync();
        for (int i = 0; i < 2; i++)
        {
            JsonNode failed = await CallAsync(host, "flaky", [], key: "k");
            Assert.Equal(("Not now.", "retryable"), (failed.Text(), ErrorOf(failed)));
        }

        Assert.Equal("at last", (await CallAsync(host, "flaky", [], key: "k")).Text());
        Assert.True(IsReplayed(await CallAsync(host, "flaky", [], key: "k")));
        Assert.Equal((3, 1), (host.Effects["flaky"], host.Effects["once"]));

        Assert.Equal("not yet", (await CallAsync(host, "soft", [], key: "s")).Text());
        Assert.Equal("final", (await CallAsync(host, "soft", [], key: "s")).Text());
        Assert.Equal("final", (await CallAsync(host, "soft", [], key: "s")).Text());
        Assert.Equal(2, host.Effects["soft"]);
    }

    [Theory]
    [InlineData("break")]
    [InlineData("misuse")]
    public async Task An_unexpected_failure_is_an_answer_and_is_kept(string tool)
    {
        await using DurableHost host = await DurableHost.StartAsync();
        JsonNode failed = await CallAsync(host, tool, [], key: "k");
        Assert.Equal("internal", ErrorOf(failed));
        Assert.DoesNotContain("secret", failed.ToJsonString(), StringComparison.Ordinal);
        JsonNode again = await CallAsync(host, tool, [], key: "k");
        Assert.Equal((failed.Text(), true), (again.Text(), IsReplayed(again)));
        Assert.True(host.Effects["break"] <= 1);
    }

    [Fact]
    public async Task An_error_of_the_protocol_is_not_kept()
    {
        await using DurableHost host = await DurableHost.StartAsync();
        for (int i = 1; i <= 2; i++)
        {
            Assert.Equal(-32000, (await CallAsync(host, "refuse_call", [], key: "k")).ErrorCode());
            Assert.Equal(i, host.Effects["refuse_call"]);
        }
    }

    [Fact]
    public async Task Reads_without_a_key_are_journaled_in_sessions_over_http_alone()
    {
        await using DurableHost host = await DurableHost.StartAsync();
        await CallAsync(host, "look", []);
        Assert.Empty(await host.ListAsync());
        await CallAsync(host, "look", [], key: "k");
        Assert.Equal("look 2", (await CallAsync(host, "look", [], key: "k")).Text());
        Assert.Single(await host.ListAsync());
        string session = await host.Http.InitializeAsync();
        await host.Http.SendAsync(host.Http.LegacyCall(session, "look", []));
        Assert.Equal(2, (await host.ListAsync()).Count);
    }

    [Fact]
    public async Task A_tool_that_only_reads_has_no_context_where_its_call_is_not_journaled()
    {
        await using DurableHost host = await DurableHost.StartAsync();
        Assert.Equal("internal", ErrorOf(await CallAsync(host, "look_with_context", [])));
        Assert.Contains("StoreMap", host.Http.Log.Text, StringComparison.Ordinal);
        Assert.Equal("local", (await CallAsync(host, "look_with_context", [], key: "k")).Text());
    }

    [Fact]
    public async Task Equal_calls_of_a_tool_that_wants_it_are_one_for_some_time()
    {
        var time = new ManualTime();
        await using DurableHost host = await DurableHost.StartAsync(time);
        time.Advance(TimeSpan.FromSeconds(7));
        Assert.Equal("a 1", await SayAsync("a"));
        time.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal("a 1", await SayAsync("a"));
        Assert.Equal("b 2", await SayAsync("b"));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("a 3", await SayAsync("a"));

        async Task<string?> SayAsync(string text) => (await CallAsync(host, "same", new JsonObject { ["text"] = text })).Text();
    }

    [Fact]
    public async Task What_a_stop_has_cut_short_is_run_again_before_its_key_comes()
    {
        await using DurableHost host = await DurableHost.StartAsync();
        await host.RestartAsync(async store =>
        {
            await LeaveBehindAsync(store, "hold", "{}", "k", RecoveryMode.Resume);
            await LeaveBehindAsync(store, "secret", """{"password":"abc"}""", "p", RecoveryMode.Fail);
        });
        await host.Http.Gate.Entered.WaitAsync();
        host.Http.Gate.Open();
        JsonNode answer = await CallAsync(host, "hold", [], key: "k");
        Assert.Equal(("held", true, 1), (answer.Text(), IsReplayed(answer), host.Effects["hold"]));
        Assert.Equal(2, (await host.ListAsync()).Single(invocation => invocation.Name == "hold").Attempts);

        // Its arguments were not kept: nobody knows what became of it.
        JsonNode lost = await CallAsync(host, "secret", new JsonObject { ["password"] = "abc" }, key: "p");
        Assert.Equal("stopped", ErrorOf(lost));
    }

    [Fact]
    public async Task A_call_that_an_operator_aborts_ends_so_for_everybody()
    {
        await using DurableHost host = await DurableHost.StartAsync();
        Task<JsonNode> call = CallAsync(host, "hold", [], key: "k");
        await host.Http.Gate.Entered.WaitAsync();
        Assert.True(await host.Journal.AbortAsync((await host.ListAsync()).Single().Id));
        Assert.Equal("aborted", ErrorOf(await call));
        Assert.Equal("aborted", ErrorOf(await CallAsync(host, "hold", [], key: "k")));
        Assert.Equal(1, host.Effects["hold"]);
    }

    /// <summary>A call under way, as a process that is killed leaves it.</summary>
    private static async Task LeaveBehindAsync(
        ISharedStore store, string tool, string arguments, string key, RecoveryMode recovery)
    {
        var killed = new Journal(store);
        var request = new InvocationRequest
        {
            Name = tool,
            Arguments = Encoding.UTF8.GetBytes(arguments),
            KeepsArguments = recovery == RecoveryMode.Resume,
            Key = key,
            Recovery = recovery,
        };
        Assert.Equal(BeginKind.Fresh, (await killed.BeginAsync(request)).Kind);
    }

    private static bool IsReplayed(JsonNode answer) => (bool?)answer["result"]?["_meta"]?["io.varve/replayed"] == true;

    private static string? ErrorOf(JsonNode answer) => (string?)answer["result"]?["_meta"]?["io.varve/error"]?["code"];

    private static async Task<JsonNode> CallAsync(DurableHost host, string tool, JsonObject arguments, string? key = null) =>
        (await host.Http.SendAsync(Request(host, tool, arguments, key))).Message!;

    private static HttpRequestMessage Request(DurableHost host, string tool, JsonObject arguments, string? key)
    {
        HttpRequestMessage request = host.Http.ModernCall(tool, arguments);
        if (key is not null) request.Headers.Add("Idempotency-Key", key);
        return request;
    }

    /// <summary>Calls a tool that waits at the gate, and leaves once it is there.</summary>
    private static async Task LeaveAsync(DurableHost host, string? key, string tool = "hold")
    {
        using var leaving = new CancellationTokenSource();
        Task<HttpResponseMessage> call = host.Http.Http.SendAsync(Request(host, tool, [], key), leaving.Token);
        await host.Http.Gate.Entered.WaitAsync();
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }
}
