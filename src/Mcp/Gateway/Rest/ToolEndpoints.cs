using System.Security.Claims;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Mcp.Calls;
using Varve.Mcp.Gateway.Front;
using Varve.Mcp.Http;

namespace Varve.Mcp.Gateway.Rest;

/// <summary><c>/tools</c>: what there is, and one call at a time.</summary>
internal sealed class ToolEndpoints(GatewayCalls calls, IOptions<GatewayOptions> options, IOptions<McpServerOptions> serverOptions)
{
    private const string RespondAsync = "respond-async";

    /// <summary>The tools in the order of their names.</summary>
    public IEnumerable<Tool> Tools =>
        (serverOptions.Value.ToolCollection ?? []).Select(tool => tool.ProtocolTool).OrderBy(tool => tool.Name, StringComparer.Ordinal);

    public Task ListAsync(HttpContext context)
    {
        JsonArray tools = [.. Tools.Select(Describe)];
        return context.WriteJsonAsync(new JsonObject { ["tools"] = tools });
    }

    public async Task CallAsync(HttpContext context)
    {
        if (await ReadAsync(context, CallVia.Rest) is not { } start) return;
        if (IsAsync(context.Request)) await BeginAsync(context, start with { IsJournaled = true });
        else await AnswerAsync(context, start);
    }

    /// <summary>What a request asks to be called; null where it was refused.</summary>
    public async ValueTask<CallStart?> ReadAsync(HttpContext context, CallVia via)
    {
        string tool = (string)context.Request.RouteValues["name"]!;
        if (calls.FindRefusal(tool) is { } refusal)
        {
            await context.WriteProblemAsync(refusal);
            return null;
        }
        (CallEnvelope? envelope, Problem? problem) = await ReadEnvelopeAsync(context);
        if (envelope is { } read) (envelope, problem) = read.WithKey(context.Request.Headers[IdempotencyKeys.HeaderName].ToString());
        if (envelope is { } call) return StartOf(call, tool, context.User, via);
        await context.WriteProblemAsync(problem!);
        return null;
    }

    public static CallStart StartOf(CallEnvelope envelope, string tool, ClaimsPrincipal user, CallVia via) =>
        new(tool, envelope.Arguments, user, via)
        {
            IdempotencyKey = envelope.IdempotencyKey,
            InputResponses = envelope.InputResponses,
            RequestState = envelope.RequestState,
        };

    private async ValueTask<(CallEnvelope?, Problem?)> ReadEnvelopeAsync(HttpContext context)
    {
        if (!context.Request.HasJsonContentType())
            return (null, new Problem(415, "unsupported_media_type", "Content-Type must be application/json."));
        RequestBody body = await RequestBody.ReadAsync(context, options.Value.BodyBytesMax);
        if (body.Refusal is null) return CallEnvelope.ReadBody(body.Bytes.Span);
        string code = body.Status switch { 413 => "too_large", 415 => "unsupported_media_type", _ => "invalid_request" };
        return (null, new Problem(body.Status, code, body.Refusal));
    }

    private async Task AnswerAsync(HttpContext context, CallStart start)
    {
        GatewayCall call = calls.Start(start);
        using CancellationTokenRegistration gone = context.RequestAborted.Register(call.Cancel);
        CallAnswer answer = await call.Completion;
        await context.WriteAnswerAsync(answer);
    }

    /// <summary>The call goes on by itself; the journal tells how it went.</summary>
    private async Task BeginAsync(HttpContext context, CallStart start)
    {
        GatewayCall call = calls.Start(start);
        if (await call.Invocation.WaitAsync(context.RequestAborted) is { } id) await context.WriteAcceptedAsync(id);
        else await context.WriteAnswerAsync(await call.Completion);
    }

    private static bool IsAsync(HttpRequest request) => request.Headers["Prefer"].Any(preferences =>
        preferences?.Split([',', ';'], StringSplitOptions.TrimEntries).Contains(RespondAsync, StringComparer.OrdinalIgnoreCase) == true);

    private static JsonNode Describe(Tool tool)
    {
        JsonObject all = (JsonObject)JsonSerializer.SerializeToNode(tool, McpJsonUtilities.DefaultOptions)!;
        JsonObject told = [];
        foreach (string member in (string[])["name", "title", "description", "inputSchema", "outputSchema", "annotations"])
            if (all[member] is { } value) told[member] = value.DeepClone();
        return told;
    }
}
