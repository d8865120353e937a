using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

// Sampling is deprecated in the protocol and still part of it; methods of one's own are experimental in the SDK.
#pragma warning disable MCP9005, MCPEXP002

namespace Varve.Mcp.Sessions;

/// <summary>Options of a server that goes on with a client which introduced itself to an earlier one.</summary>
internal static class ServerOptionsCopy
{
    /// <summary>The same tools, handlers and filters, also those added later, for a client that is known.</summary>
    public static McpServerOptions For(McpServerOptions shared, InitializeRequestParams client) => new()
    {
        ServerInfo = shared.ServerInfo,
        Capabilities = shared.Capabilities,
        ProtocolVersion = shared.ProtocolVersion,
        InitializationTimeout = shared.InitializationTimeout,
        ServerInstructions = shared.ServerInstructions,
        ScopeRequests = shared.ScopeRequests,
        Handlers = shared.Handlers,
        Filters = shared.Filters,
        ToolCollection = shared.ToolCollection,
        ResourceCollection = shared.ResourceCollection,
        PromptCollection = shared.PromptCollection,
        MaxSamplingOutputTokens = shared.MaxSamplingOutputTokens,
        RequestHandlers = shared.RequestHandlers,
        KnownClientInfo = client.ClientInfo,
        KnownClientCapabilities = client.Capabilities,
    };
}
