using System.Security.Claims;
using System.Text.Json.Nodes;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Calls;

namespace Varve.Mcp.Durable;

/// <summary>
/// The request of a call that is run again without its client. The run goes with it to where the journal would begin one.
/// </summary>
internal static class RecoveredCall
{
    private const string ItemName = "io.varve/run";

    /// <summary>The request, as its client sent it.</summary>
    public static JsonRpcRequest Create(InvocationContext run, CallOrigin origin)
    {
        JsonObject parameters = new()
        {
            ["name"] = run.Name,
            ["arguments"] = JsonNode.Parse(run.Arguments!.Value.Span),
        };
        if (origin.Meta is { } meta) parameters["_meta"] = meta.DeepClone();
        return new JsonRpcRequest
        {
            Id = origin.Session is null ? new RequestId(run.Id.ToString()) : origin.Request,
            Method = RequestMethods.ToolsCall,
            Params = parameters,
            Context = new JsonRpcMessageContext
            {
                User = PrincipalOf(run.Principal),
                Items = new Dictionary<string, object?> { [ItemName] = run },
            },
        };
    }

    /// <summary>The run of a request that is one of these; else null.</summary>
    public static InvocationContext? RunOf(JsonRpcRequest request) =>
        request.Context?.Items?.TryGetValue(ItemName, out object? run) == true ? run as InvocationContext : null;

    /// <summary>Whether a request is one of these: it was admitted once.</summary>
    public static bool IsOne(JsonRpcRequest request) => RunOf(request) is not null;

    /// <summary>Somebody of whom the name alone is known; null for <c>local</c>.</summary>
    public static ClaimsPrincipal? PrincipalOf(string name) => name == ToolCall.LocalPrincipal
        ? null
        : new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, name)], "journal"));
}
