using System.Text.Json.Nodes;
using Varve.Idempotency;
using Varve.Mcp.Gateway.Tests.Pool;
using Varve.Mcp.Gateway.Tests.Tools;

namespace Varve.Mcp.Gateway.Tests.Durable;

/// <summary>Workers, which are processes, are killed at points of a call; what it does outside is counted.</summary>
[Collection(HeavyTests.Name)]
public sealed class WorkerDeathTests
{
    [Fact]
    public async Task Wherever_its_worker_is_killed_a_call_with_guards_is_done_once()
    {
        await using DurableGateway gateway = await DurableGateway.StartAsync();
        string[] points =
        [
            "before the charge", "in the charge", "behind the charge", "between", "behind the shipment", "before the answer",
            .. Enumerable.Range(1, 4).SelectMany(write => (string[])[$"before write {write}", $"behind write {write}"]),
        ];
        for (int number = 1; number <= points.Length; number++)
        {
            string where = points[number - 1];
            JsonObject arguments = new() { ["number"] = number, ["point"] = where };
            JsonNode answer = await gateway.Calls.CallWithKeyAsync("order", $"key-{number}", arguments);
            bool isUnknown = (string?)answer["result"]?["_meta"]?["io.varve/error"]?["code"] == "internal";
            bool mayBeUnknown = where is "in the charge" or "behind the charge" or "behind write 1" or "before write 2";
            Assert.True(isUnknown ? mayBeUnknown : RawCalls.TextOf(answer) == $"ordered {number} for me", $"{where}: {answer}");
            int charges = gateway.Count($"charge {number}"), parcels = gateway.Count($"ship {number}");
            Assert.True(charges == (where is "in the charge" or "behind write 1" ? 0 : 1), $"{where}: {charges} charges");
            bool mayShipTwice = where is "behind the shipment" or "before write 3";
            Assert.True(isUnknown ? parcels == 0 : parcels == (mayShipTwice ? 2 : 1), $"{where}: {parcels} parcels");
            Invocation call = (await gateway.Journal.FindAsync("me", $"key-{number}"))!;
            Assert.True(
                call is { State: InvocationState.Completed, Attempts: 2, Recoveries: 1 }, $"{where}: {call.State}, {call.Attempts}");

            // The same key has the same answer, and nothing more happens.
            JsonNode again = await gateway.Calls.CallWithKeyAsync("order", $"key-{number}", arguments);
            Assert.Equal(answer["result"]!["content"]!.ToJsonString(), again["result"]!["content"]!.ToJsonString());
            Assert.True((bool?)again["result"]!["_meta"]!["io.varve/replayed"]);
            Assert.Equal((charges, parcels), (gateway.Count($"charge {number}"), gateway.Count($"ship {number}")));
        }
    }

    [Fact]
    public async Task A_call_that_kills_every_worker_is_dead_after_three_recoveries()
    {
        await using DurableGateway gateway = await DurableGateway.StartAsync();
        JsonNode answer = await gateway.Calls.CallWithKeyAsync(
            "order", "k", new JsonObject { ["number"] = 1, ["point"] = "always between" });
        Assert.Equal("dead", CodeOf(answer));
        Assert.Equal((1, 0), (gateway.Count("charge 1"), gateway.Count("ship 1")));
        Invocation call = (await gateway.Journal.FindAsync("me", "k"))!;
        Assert.Equal((InvocationState.Dead, 4, 3), (call.State, call.Attempts, call.Recoveries));
    }

    [Theory]
    [InlineData("k")]
    [InlineData(null)]
    public async Task A_call_that_is_not_to_be_run_again_ends_stopped(string? key)
    {
        await using DurableGateway gateway = await DurableGateway.StartAsync();
        JsonObject arguments = new() { ["number"] = 1, ["point"] = "behind the effect" };
        JsonObject meta = key is null ? [] : new JsonObject { ["io.varve/idempotencyKey"] = key };
        for (int call = 0; call < (key is null ? 1 : 2); call++)
            Assert.Equal("stopped", CodeOf((await gateway.Calls.CallAsync("send", arguments, meta))[^1]));
        Assert.Equal(1, gateway.Count("send 1"));
        await foreach (Invocation ended in gateway.Journal.ListAsync()) Assert.Equal(InvocationState.Stopped, ended.State);

        // In a session the stopped call's stream has its answer too.
        string session = await gateway.Calls.InitializeAsync();
        arguments["number"] = 2;
        Assert.Equal("stopped", CodeOf((await gateway.Calls.CallInSessionAsync(session, "send", arguments))[^1]));
        Assert.Equal(1, gateway.Count("send 2"));
    }

    [Fact]
    public async Task A_call_that_only_reads_is_sent_to_another_worker()
    {
        await using DurableGateway gateway = await DurableGateway.StartAsync();
        JsonObject arguments = new() { ["number"] = 1, ["point"] = "looking" };
        Assert.Equal("seen 1", RawCalls.TextOf((await gateway.Calls.CallAsync("look", arguments))[^1]));
        Assert.Equal(2, gateway.Count("look 1"));
        await foreach (Invocation _ in gateway.Journal.ListAsync()) Assert.Fail("It is not journaled.");
        arguments["point"] = "always looking";
        Assert.Equal("worker_lost", CodeOf((await gateway.Calls.CallAsync("look", arguments))[^1]));
    }

    [Fact]
    public async Task A_key_stands_for_one_call_and_conflicts_with_any_other()
    {
        await using DurableGateway gateway = await DurableGateway.StartAsync();
        JsonNode[] answers = await Task.WhenAll(Enumerable.Range(0, 4)
            .Select(_ => gateway.Calls.CallWithKeyAsync("order", "k", new JsonObject { ["number"] = 1 })));
        Assert.All(answers, answer => Assert.Equal("ordered 1 for me", RawCalls.TextOf(answer)));
        Assert.Equal((1, 1), (gateway.Count("charge 1"), gateway.Count("ship 1")));
        JsonNode refused = await gateway.Calls.CallWithKeyAsync("order", "k", new JsonObject { ["number"] = 2 });
        Assert.Equal((-32602, "idempotency_conflict"), ((int?)refused["error"]!["code"], (string?)refused["error"]!["data"]!["reason"]));
        foreach (string expected in (string[])["not in run 1", "not in run 2", "at last", "at last"])
        {
            JsonNode answer = await gateway.Calls.CallWithKeyAsync("flaky", "f", new JsonObject { ["number"] = 1 });
            Assert.Equal(expected, RawCalls.TextOf(answer));
        }

        Assert.Equal(3, gateway.Count("flaky 1"));
    }

    private static string? CodeOf(JsonNode answer) => (string?)answer["result"]?["_meta"]?["io.varve/error"]?["code"];
}
