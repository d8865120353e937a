using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Mcp.Durable;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Calls;

/// <summary>One call of a tool, after every check and before it runs.</summary>
/// <param name="Request">The SDK's request: arguments, server, services.</param>
/// <param name="Tool">The tool; null where a handler of the program's own takes calls by name.</param>
/// <param name="Principal">Who calls: the API key's name, the signed-in user, or <c>local</c>.</param>
/// <param name="IdempotencyKey">The caller's key; null = none.</param>
/// <param name="IsModern">Whether the request is of revision 2026-07-28 or later, so that it has no session.</param>
public sealed record ToolCall(
    RequestContext<CallToolRequestParams> Request, McpServerTool? Tool, string Principal, string? IdempotencyKey, bool IsModern)
{
    /// <summary>The session's id over HTTP in revisions before 2026-07-28; else null.</summary>
    public string? SessionId => Request.Server.SessionId;

    /// <summary>The question that the request answers; null where it answers none.</summary>
    internal RequestState? Answers { get; init; }

    /// <summary>The time that the call may take; null: any.</summary>
    internal CallTimeLimit? TimeLimit { get; init; }

    /// <summary>A digest of caller, tool and arguments: the same for the same call.</summary>
    internal byte[] Digest()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string part in (string[])[Principal, Request.Params.Name])
        {
            hash.AppendData(Encoding.UTF8.GetBytes(part));
            hash.AppendData([0]);
        }
        hash.AppendData(CanonicalJson.Write(Request.Params.Arguments));
        return hash.GetHashAndReset();
    }

    /// <summary>Runs a call: the next step, up to the tool itself.</summary>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>The tool's result.</returns>
    public delegate ValueTask<CallToolResult> Run(CancellationToken cancellation);

    /// <summary>The name under which calls without API key or sign-in are made.</summary>
    public const string LocalPrincipal = "local";

    internal static string PrincipalOf(ClaimsPrincipal? user)
    {
        if (user?.Identity?.IsAuthenticated != true) return LocalPrincipal;
        Claim? claim = user.FindFirst(ClaimTypes.NameIdentifier) ?? user.FindFirst("sub");
        return claim?.Value ?? user.Identity.Name ?? LocalPrincipal;
    }

    internal static bool IsModernRequest(RequestContext<CallToolRequestParams> request) =>
        ProtocolRevisions.IsModern(request.JsonRpcRequest.Context?.ProtocolVersion ?? request.Server.NegotiatedProtocolVersion);
}
