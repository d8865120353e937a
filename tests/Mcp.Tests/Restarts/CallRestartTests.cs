using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Varve.Idempotency;
using Varve.Mcp.Tests.Fakes;

namespace Varve.Mcp.Tests.Restarts;

/// <summary>
/// Calls under way when a server is killed, stopped, or loses its lease: finished once, as their tool says, and delivered.
/// </summary>
public sealed class CallRestartTests
{
    private const string InTheStep = "in the step";
    private const string BehindTheStep = "behind the step";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(InTheStep)]
    [InlineData(BehindTheStep)]
    public async Task A_call_that_was_killed_goes_on_in_its_stream_without_gap_or_repetition(string point)
    {
        await using RestartHost host = await RestartHost.StartAsync(point);
        (string session, CallStream stream) = await OrderAsync(host, 7);
        await host.World.Reached.WaitAsync(s_patience);
        await stream.ReadAsync(3);
        Assert.Equal(1_000, stream.RetryMilliseconds);
        stream.Dispose();
        await host.KillAsync();
        await stream.ResumeAsync(host.Server, session);
        await stream.ReadToEndAsync();
        Assert.Equal(Enumerable.Range(1, stream.Numbers.Count), stream.Numbers);
        Assert.Equal([1, 2, 3], stream.Progress);
        Assert.Equal(["ordered", "receipt 7"], stream.Logs);
        Assert.Equal("ordered 7: receipt 7", stream.Answer.Text());
        Assert.Equal([7], host.Charges);
        Assert.Equal(1, host.Effects["ship"]);
        Assert.Equal((InvocationState.Completed, 2), await StateAsync(host));

        // The same again, from any of its events.
        foreach (int after in Enumerable.Range(1, stream.Numbers.Count - 1))
        {
            using CallStream again = stream.From(after);
            await again.ResumeAsync(host.Server, session);
            await again.ReadToEndAsync();
            Assert.Equal(stream.Numbers.Skip(after), again.Numbers);
        }
    }

    [Fact]
    public async Task Items_that_were_sent_are_not_sent_again()
    {
        await using RestartHost host = await RestartHost.StartAsync(InTheStep);
        string session = await host.Server.InitializeAsync();
        JsonObject parameters = new()
        {
            ["name"] = "items",
            ["arguments"] = new JsonObject(),
            ["_meta"] = new JsonObject { ["progressToken"] = "p", ["io.varve/chunks"] = true },
        };
        using CallStream stream = await CallStream.OpenAsync(
            host.Server, host.Server.LegacyRequest(session, "tools/call", parameters, id: 5));
        await host.World.Reached.WaitAsync(s_patience);
        await stream.ReadAsync(3);
        stream.Dispose();
        await host.KillAsync();
        await stream.ResumeAsync(host.Server, session);
        await stream.ReadToEndAsync();
        Assert.Equal([0, 1, 2], stream.Items);
        Assert.Equal("[10,11,12]", stream.Answer!["result"]!["content"]![0]!["text"]!.ToString());
    }

    [Fact]
    public async Task A_call_that_its_client_has_left_is_finished_before_anybody_asks()
    {
        await using RestartHost host = await RestartHost.StartAsync(InTheStep);
        (string session, CallStream stream) = await OrderAsync(host, 7);
        await host.World.Reached.WaitAsync(s_patience);
        await stream.ReadAsync(1);
        stream.Dispose();
        Guid id = (await host.FindCallAsync()).Id;
        await host.KillAsync();
        Assert.NotNull(await host.Journal.WaitAsync(id).AsTask().WaitAsync(s_patience));
        Assert.Equal(1, host.Effects["ship"]);
        await host.KillAsync();
        await stream.ResumeAsync(host.Server, session);
        await stream.ReadToEndAsync();
        Assert.Equal("ordered 7: receipt 7", stream.Answer.Text());
    }

    [Fact]
    public async Task A_call_that_may_not_run_again_says_so_in_its_stream()
    {
        await using RestartHost host = await RestartHost.StartAsync(InTheStep);
        string session = await host.Server.InitializeAsync();
        using CallStream stream = await CallStream.OpenAsync(host.Server, host.Server.LegacyCall(session, "fragile"));
        await host.World.Reached.WaitAsync(s_patience);
        await stream.ReadAsync(1);
        stream.Dispose();
        await host.KillAsync();
        await stream.ResumeAsync(host.Server, session);
        await stream.ReadToEndAsync();
        Assert.Equal("stopped", stream.Answer.ErrorName());
        Assert.Equal(1, host.Effects["fragile"]);
    }

    [Fact]
    public async Task A_call_that_is_killed_again_and_again_is_dead_after_three_recoveries()
    {
        await using RestartHost host = await RestartHost.StartAsync(InTheStep);
        (string session, CallStream stream) = await OrderAsync(host, 7);
        await stream.ReadAsync(3);
        for (int kill = 0; kill < 4; kill++)
        {
            await host.World.Reached.WaitAsync(s_patience);
            stream.Dispose();
            await host.KillAsync(InTheStep);
        }

        await stream.ResumeAsync(host.Server, session);
        await stream.ReadToEndAsync();
        Assert.Equal("dead", stream.Answer.ErrorName());
        Assert.Equal((InvocationState.Dead, 4), await StateAsync(host));
        Assert.Equal([1], stream.Progress);
        Assert.Equal(["ordered"], stream.Logs);
    }

    [Fact]
    public async Task A_call_whose_tool_takes_other_arguments_by_now_is_dead_and_one_whose_tool_is_not_here_is_left_alone()
    {
        await using RestartHost host = await RestartHost.StartAsync(InTheStep);
        (string session, CallStream stream) = await OrderAsync(host, 7);
        await host.World.Reached.WaitAsync(s_patience);
        await stream.ReadAsync(1);
        stream.Dispose();
        await host.KillAsync<NoTools>();
        Assert.Equal(200, await host.Server.StatusAsync(host.Server.LegacyRequest(session, "tools/list", id: 9)));
        Assert.Equal((InvocationState.Running, 1), await StateAsync(host));
        await host.KillAsync<OtherTools>();
        await stream.ResumeAsync(host.Server, session);
        await stream.ReadToEndAsync();
        Assert.Equal("dead", stream.Answer.ErrorName());
        Assert.Equal((InvocationState.Dead, 2), await StateAsync(host));
    }

    [Theory]
    [InlineData(InTheStep)]
    [InlineData(BehindTheStep)]
    public async Task A_call_with_a_key_is_finished_for_whoever_comes_with_it(string point)
    {
        await using RestartHost host = await RestartHost.StartAsync(point);
        _ = host.Server.Http.SendAsync(host.Server.KeyedOrder(7));
        await host.World.Reached.WaitAsync(s_patience);
        await host.KillAsync();
        JsonNode answer = (await host.Server.SendAsync(host.Server.KeyedOrder(7))).Message!;
        Assert.Equal("ordered 7: receipt 7", answer.Text());
        Assert.Equal([7], host.Charges);
        Assert.Equal(1, host.Effects["ship"]);
        Assert.Equal((InvocationState.Completed, 2), await StateAsync(host));
    }

    [Fact]
    public async Task Who_joined_a_call_gets_its_answer_in_a_stream_of_its_own()
    {
        await using RestartHost host = await RestartHost.StartAsync(InTheStep);
        _ = host.Server.Http.SendAsync(host.Server.KeyedOrder(7));
        await host.World.Reached.WaitAsync(s_patience);
        string session = await host.Server.InitializeAsync();
        HttpRequestMessage joining = host.Server.LegacyCall(session, "order", new JsonObject { ["amount"] = 7 }, id: 5);
        joining.Headers.Add("Idempotency-Key", "k");
        using CallStream stream = await CallStream.OpenAsync(host.Server, joining);
        await stream.ReadAsync(1);

        // Linked to the call it waits for.
        Guid id = (await host.FindCallAsync()).Id;
        while (await host.Events.FindCallAsync(session, stream.Name) != id) await Task.Yield();
        stream.Dispose();
        await host.KillAsync();
        await stream.ResumeAsync(host.Server, session);
        await stream.ReadToEndAsync();
        Assert.Equal("ordered 7: receipt 7", stream.Answer.Text());
        Assert.Equal(1, host.Effects["ship"]);
    }

    [Fact]
    public async Task A_request_that_was_not_begun_is_answered_with_an_error_and_not_with_silence()
    {
        await using RestartHost host = await RestartHost.StartAsync();
        string session = await host.Server.InitializeAsync();
        host.Store.Watch = (batch, _) =>
        {
            if (MortalStore.Puts(batch, 'r')) host.Store.Kill();
        };
        using CallStream stream = await CallStream.OpenAsync(
            host.Server, host.Server.LegacyCall(session, "order", new JsonObject { ["amount"] = 7 }, id: 5));
        await stream.ReadAsync(1);
        stream.Dispose();
        await host.KillAsync();
        await stream.ResumeAsync(host.Server, session);
        await stream.ReadToEndAsync();
        Assert.Equal((-32000, 5), (stream.Answer.ErrorCode(), (int?)stream.Answer!["id"]));
        Assert.Equal([1, 2], stream.Numbers);
        Assert.Equal(0, host.Effects["ship"]);
    }

    [Fact]
    public async Task A_server_that_is_stopped_leaves_calls_to_the_next_one()
    {
        await using RestartHost host = await RestartHost.StartAsync(InTheStep);
        (string session, CallStream stream) = await OrderAsync(host, 7);
        await host.World.Reached.WaitAsync(s_patience);
        HttpRequestMessage request = host.Server.LegacyCall(session, "fragile", id: 6);
        using CallStream fragile = await CallStream.OpenAsync(host.Server, request);
        await host.World.Reached.WaitAsync(s_patience);
        await stream.ReadAsync(3);
        await fragile.ReadAsync(1);
        stream.Dispose();
        fragile.Dispose();
        await host.StopAsync();
        await stream.ResumeAsync(host.Server, session);
        await stream.ReadToEndAsync();
        Assert.Equal(("ordered 7: receipt 7", 1), (stream.Answer.Text(), host.Effects["ship"]));
        Assert.Equal([1, 2, 3], stream.Progress);
        await fragile.ResumeAsync(host.Server, session);
        await fragile.ReadToEndAsync();
        Assert.Equal(("stopped", 1), (fragile.Answer.ErrorName(), host.Effects["fragile"]));
    }

    [Fact]
    public async Task A_call_of_another_process_is_taken_over_when_its_lease_ends_and_not_before()
    {
        await using RestartHost host = await RestartHost.StartAsync(InTheStep);
        host.PutLease(host.Journal);
        (string session, CallStream stream) = await OrderAsync(host, 7);
        await host.World.Reached.WaitAsync(s_patience);
        await stream.ReadAsync(3);
        stream.Dispose();
        Journal gone = host.Journal;
        await host.KillAsync();
        Assert.Equal((InvocationState.Running, 1), await StateAsync(host));
        await stream.ResumeAsync(host.Server, session);
        Task ending = stream.ReadToEndAsync();
        Assert.False(ending.IsCompleted);
        host.EndLease(gone);
        await ending;
        Assert.Equal(("ordered 7: receipt 7", 1), (stream.Answer.Text(), host.Effects["ship"]));
        Assert.Equal(Enumerable.Range(1, stream.Numbers.Count), stream.Numbers);
    }

    [Fact]
    public async Task Of_several_processes_one_takes_over_and_the_one_that_was_thought_gone_does_nothing_more()
    {
        await using RestartHost host = await RestartHost.StartAsync(InTheStep);
        host.PutLease(host.Journal);
        McpHost beside = await host.StartBesideAsync();
        for (int i = 0; i < 2; i++) await host.StartBesideAsync();
        Task<(int Status, JsonNode? Message)> asking = host.Server.SendAsync(host.Server.KeyedOrder(7));
        await host.World.Reached.WaitAsync(s_patience);
        Guid id = (await host.FindCallAsync()).Id;
        host.EndLease(host.Journal);
        await beside.Services.GetRequiredService<Journal>().WaitAsync(id).AsTask().WaitAsync(s_patience);
        Assert.Equal((InvocationState.Completed, 2), await StateAsync(host));

        // It goes on now, in vain, and answers what the other one has done.
        host.World.Open();
        Assert.Equal("ordered 7: receipt 7", (await asking).Message.Text());
        Assert.Equal([7], host.Charges);
        Assert.Equal(1, host.Effects["ship"]);
    }

    [Fact]
    public async Task A_call_is_run_again_for_whoever_made_it_and_with_what_it_said()
    {
        await using RestartHost host = await RestartHost.StartAsync(
            InTheStep, configure: options => options.Http.ApiKeys.Add("me", "my key"));
        string session = await host.Server.InitializeAsync(key: "my key");
        JsonObject parameters = new()
        {
            ["name"] = "who_orders",
            ["arguments"] = new JsonObject(),
            ["_meta"] = new JsonObject { ["note"] = "mine" },
        };
        HttpRequestMessage call = host.Server.LegacyRequest(session, "tools/call", parameters, id: 5);
        call.Headers.Add("X-API-Key", "my key");
        using CallStream stream = await CallStream.OpenAsync(host.Server, call);
        await host.World.Reached.WaitAsync(s_patience);
        await stream.ReadAsync(1);
        stream.Dispose();
        await host.KillAsync();
        HttpRequestMessage listen = host.Server.Listen(session, stream.LastEventId);
        listen.Headers.Add("X-API-Key", "my key");
        await stream.ResumeAsync(host.Server.Http, listen);
        await stream.ReadToEndAsync();
        Assert.Equal("me, me, mine", stream.Answer.Text());
    }

    [Fact]
    public async Task Calls_that_an_operator_queues_are_run()
    {
        await using RestartHost host = await RestartHost.StartAsync();
        await host.Server.SendAsync(host.Server.KeyedOrder(7));
        Guid replay = (await host.Journal.ReplayAsync((await host.FindCallAsync()).Id))!.Value;
        InvocationOutcome outcome = (await host.Journal.WaitAsync(replay).AsTask().WaitAsync(s_patience))!;
        Assert.Equal((InvocationState.Completed, 2), (outcome.State, host.Effects["ship"]));
    }

    [Fact]
    public async Task An_answer_in_the_store_is_the_one_that_was_sent()
    {
        await using RestartHost host = await RestartHost.StartAsync();
        (string session, CallStream stream) = await OrderAsync(host, 7);
        await stream.ReadToEndAsync();
        using CallStream again = stream.From(1);
        await again.ResumeAsync(host.Server, session);
        await again.ReadToEndAsync();
        Assert.Equal(stream.Messages, again.Messages);
        Assert.Equal(Enumerable.Range(1, stream.Numbers.Count), stream.Numbers);
    }

    private static async Task<(InvocationState State, int Attempts)> StateAsync(RestartHost host)
    {
        Invocation call = await host.FindCallAsync();
        return (call.State, call.Attempts);
    }

    private static async Task<(string Session, CallStream Stream)> OrderAsync(RestartHost host, int amount)
    {
        string session = await host.Server.InitializeAsync();
        HttpRequestMessage call = host.Server.Order(session, amount);
        return (session, await CallStream.OpenAsync(host.Server, call));
    }
}
