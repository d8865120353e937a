using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

// The level of log messages is deprecated in the protocol and still part of its older revisions.
#pragma warning disable MCP9005

namespace Varve.Mcp.Sessions;

/// <summary>The least level of log messages that a session's client asked for, kept with the session.</summary>
internal static class LogLevels
{
    /// <summary>Keeps the level whenever a client sets it; a handler of the program's own is called first.</summary>
    public static void Keep(McpServerOptions options, Lazy<SessionRegistry> sessions)
    {
        McpRequestHandler<SetLevelRequestParams, EmptyResult>? own = options.Handlers.SetLoggingLevelHandler;
        options.Handlers.SetLoggingLevelHandler = async (request, cancellation) =>
        {
            EmptyResult result = own is null ? new EmptyResult() : await own(request, cancellation);
            if (sessions.Value.TryEnterReady(request.Server.SessionId) is { } session)
            {
                string? level = (string?)JsonSerializer.SerializeToNode(request.Params.Level, McpJsonUtilities.DefaultOptions);
                await sessions.Value.ChangeAsync(session, record => record with { LogLevel = level }, cancellation);
                sessions.Value.Leave(session);
            }
            return result;
        };
    }

    /// <summary>The level lives inside the SDK's server, which learns it by a request alone.</summary>
    public static async ValueTask RestoreAsync(StreamableHttpServerTransport transport, string level, CancellationToken cancellation)
    {
        JsonRpcRequest request = new()
        {
            Id = new RequestId("varve-log-level"),
            Method = RequestMethods.LoggingSetLevel,
            Params = new JsonObject { ["level"] = level },
        };
        await transport.HandlePostRequestAsync(request, Stream.Null, cancellation);
    }
}
