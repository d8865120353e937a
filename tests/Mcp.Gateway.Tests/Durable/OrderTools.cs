using System.ComponentModel;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Idempotency;

namespace Varve.Mcp.Gateway.Tests.Durable;

/// <summary>Tools of a worker that kills itself where a call says so, once.</summary>
internal sealed class OrderTools
{
    [McpServerTool(Name = "order"), Description("Charges at most once, ships at least once, writes a map.")]
    public static async Task<string> OrderAsync(DurableContext context, World world, int number, string point = "")
    {
        world.Begin(number, point);
        await world.ReachAsync("before the charge");
        await context.AtMostOnceAsync("charge", async () =>
        {
            await world.ReachAsync("in the charge");
            world.Affect($"charge {number}");
            await world.ReachAsync("behind the charge");
            return number;
        });
        await world.ReachAsync("between");
        await context.AtLeastOnceAsync("ship", async step =>
        {
            step.Insert("parcels", $"{number}", "sent"u8);
            world.Affect($"ship {number}");
            await world.ReachAsync("behind the shipment");
            return number;
        });
        await context.Map("orders").InsertAsync($"{number}", "done"u8.ToArray());
        await world.ReachAsync("before the answer");
        return $"ordered {number} for {context.Principal}";
    }

    [McpServerTool(Name = "send"), Description("Sends something, and has no guards.")]
    public static async Task<string> SendAsync(World world, int number, string point = "")
    {
        world.Begin(number, point);
        world.Affect($"send {number}");
        await world.ReachAsync("behind the effect");
        return $"sent {number}";
    }

    [McpServerTool(Name = "look", ReadOnly = true), Description("Reads.")]
    public static async Task<string> LookAsync(World world, int number, string point = "")
    {
        world.Begin(number, point);
        world.Affect($"look {number}");
        await world.ReachAsync("looking");
        return $"seen {number}";
    }

    [McpServerTool(Name = "flaky"), Description("Has a result that is not final at first.")]
    public static string Flaky(DurableContext context, World world, int number)
    {
        world.Affect($"flaky {number}");
        if (context.Attempt < 3) throw new RetryableException($"not in run {context.Attempt}");
        return "at last";
    }

    [McpServerTool(Name = "ask"), Description("Asks the user, between two effects.")]
    public static async Task<string> AskAsync(DurableContext context, World world, int number, string point = "")
    {
        world.Begin(number, point);
        await context.AtMostOnceAsync("reserve", () => Task.FromResult(world.Affect($"reserve {number}")));
        var schema = new ElicitRequestParams.RequestSchema
        {
            Properties = new Dictionary<string, ElicitRequestParams.PrimitiveSchemaDefinition>
            {
                ["value"] = new ElicitRequestParams.StringSchema(),
            },
        };
        ElicitResult answer =
            await context.ElicitAsync("size", new ElicitRequestParams { Message = "Which size?", RequestedSchema = schema });
        await world.ReachAsync("answered");
        await context.AtMostOnceAsync("pack", () => Task.FromResult(world.Affect($"pack {number}")));
        return answer.IsAccepted ? $"size {answer.Content!["value"].GetString()}" : answer.Action;
    }

    [McpServerTool(Name = "items", ReadOnly = true), Description("Returns items one by one.")]
    public static async IAsyncEnumerable<int> ItemsAsync(int number)
    {
        for (int item = 0; item < number; item++)
        {
            await Task.Yield();
            yield return item;
        }
    }
}
