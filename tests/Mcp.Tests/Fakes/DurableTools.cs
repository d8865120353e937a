using System.Collections.Concurrent;
using System.ComponentModel;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Idempotency;

// Sampling is deprecated in the protocol and still part of it.
#pragma warning disable MCP9005

namespace Varve.Mcp.Tests.Fakes;

/// <summary>What tools have done to the world, by name.</summary>
internal sealed class Effects
{
    private readonly ConcurrentDictionary<string, int> _counts = new();

    public int this[string name] => _counts.GetValueOrDefault(name);

    public int Add(string name) => _counts.AddOrUpdate(name, 1, static (_, count) => count + 1);
}

internal sealed class DurableTools
{
    [McpServerTool(Name = "pay"), Description("Has one effect")]
    public static async Task<string> PayAsync(DurableContext context, Effects effects, int amount)
    {
        await context.AtMostOnceAsync("charge", () => Task.FromResult(effects.Add("charge")));
        await context.Map("payments").InsertAsync($"{amount}", "paid"u8.ToArray());
        return $"paid {amount} in run {context.Attempt}";
    }

    [McpServerTool(Name = "look", ReadOnly = true), Description("Reads")]
    public static string Look(Effects effects) => $"look {effects.Add("look")}";

    [McpServerTool(Name = "look_with_context", ReadOnly = true), Description("Reads, and wants what it cannot have")]
    public static string LookWithContext(DurableContext context) => context.Principal;

    [McpServerTool(Name = "hold"), Description("Waits at the gate")]
    public static async Task<string> HoldAsync(DurableContext context, Effects effects, Gate gate)
    {
        effects.Add("hold");
        await gate.PassAsync(context.Invocation.Cancellation);
        return "held";
    }

    [McpServerTool(Name = "hold_and_refuse"), Description("Waits at the gate, and is then an error of the protocol")]
    public static async Task<string> HoldAndRefuseAsync(DurableContext context, Gate gate)
    {
        await gate.PassAsync(context.Invocation.Cancellation);
        throw new McpProtocolException("Overloaded.", (McpErrorCode)(-32000));
    }

    [McpServerTool(Name = "flaky"), Description("Fails for the time being, twice")]
    public static async Task<string> FlakyAsync(DurableContext context, Effects effects)
    {
        await context.AtLeastOnceAsync("once", () => Task.FromResult(effects.Add("once")));
        if (effects.Add("flaky") < 3) throw new RetryableException("Not now.");
        return "at last";
    }

    [McpServerTool(Name = "soft"), Description("Has a result that is not final at first")]
    public static string Soft(DurableContext context, Effects effects)
    {
        if (effects.Add("soft") > 1) return "final";
        context.Retryable();
        return "not yet";
    }

    [McpServerTool(Name = "break"), Description("Has a bug")]
    public static string Break(DurableContext context, Effects effects)
    {
        effects.Add("break");
        throw new InvalidOperationException($"secret of {context.Id}");
    }

    [McpServerTool(Name = "misuse"), Description("Uses an alias twice")]
    public static async Task<string> MisuseAsync(DurableContext context)
    {
        await context.AtLeastOnceAsync("a", () => Task.FromResult(1));
        await context.AtLeastOnceAsync("a", () => Task.FromResult(2));
        return "never";
    }

    [McpServerTool(Name = "order"), Description("Asks the user twice")]
    public static async Task<string> OrderAsync(DurableContext context, Effects effects, string what)
    {
        await context.AtLeastOnceAsync("reserve", () => Task.FromResult(effects.Add("reserve")));
        string size = await AskAsync(context, "size", $"Which size of {what}?");
        await context.AtMostOnceAsync("price", () => Task.FromResult(effects.Add("price")));
        string color = await AskAsync(context, "color", "Which color?");
        return $"{what}, {size}, {color}: {effects.Add("order")}";
    }

    [McpServerTool(Name = "ask_model"), Description("Asks the client's model")]
    public static async Task<string> AskModelAsync(DurableContext context, Effects effects)
    {
        var question = new CreateMessageRequestParams
        {
            Messages = [new SamplingMessage { Role = Role.User, Content = [new TextContentBlock { Text = "What is it?" }] }],
            MaxTokens = 10,
        };
        CreateMessageResult answer = await context.SampleAsync("what", question);
        return $"{answer.Model} says {((TextContentBlock)answer.Content[0]).Text}: {effects.Add("ask_model")}";
    }

    private static async Task<string> AskAsync(DurableContext context, string alias, string message)
    {
        var schema = new ElicitRequestParams.RequestSchema
        {
            Properties = new Dictionary<string, ElicitRequestParams.PrimitiveSchemaDefinition>
            {
                ["value"] = new ElicitRequestParams.StringSchema(),
            },
        };
        ElicitResult answer =
            await context.ElicitAsync(alias, new ElicitRequestParams { Message = message, RequestedSchema = schema });
        return answer.IsAccepted ? answer.Content!["value"].GetString()! : answer.Action;
    }

    [McpServerTool(Name = "refuse_call"), Description("Is an error of the protocol")]
    public static string RefuseCall(Effects effects)
    {
        effects.Add("refuse_call");
        throw new McpProtocolException("Overloaded.", (McpErrorCode)(-32000));
    }

    [McpServerTool(Name = "same"), Description("Equal calls are one"), DurableTool(DeduplicateSeconds = 10)]
    public static string Same(Effects effects, string text) => $"{text} {effects.Add("same")}";

    [McpServerTool(Name = "secret"), Description("Its arguments are not kept"), DurableTool(JournalArguments = false)]
    public static async Task<string> SecretAsync(DurableContext context, Gate gate, string password)
    {
        await gate.PassAsync(context.Invocation.Cancellation);
        return $"{password.Length} characters";
    }
}

/// <summary>The tools of a later version of the program.</summary>
internal sealed class LaterTools
{
    [McpServerTool(Name = "pay"), Description("Wants another argument than before")]
    public static string Pay(DurableContext context, string account) => $"{account} in run {context.Attempt}";
}
