using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;

namespace Varve.Mcp.Gateway.Pool;

/// <summary>A worker's list of tools, which may come in pages.</summary>
internal static class ToolPages
{
    private const int ToolsMax = 10_000;

    /// <exception cref="McpProtocolException">The list has no end.</exception>
    public static async Task<IReadOnlyList<Tool>> ReadAsync(WorkerPeer peer, CancellationToken cancellation)
    {
        List<Tool> tools = [];
        string? cursor = null;
        do
        {
            JsonObject? parameters = cursor is null ? null : new JsonObject { ["cursor"] = cursor };
            JsonNode? result = await peer.SendAsync(RequestMethods.ToolsList, parameters, null, cancellation);
            ListToolsResult page = result.Deserialize<ListToolsResult>(McpJsonUtilities.DefaultOptions)
                ?? throw new JsonException("Its list of tools is empty.");
            if (page.NextCursor is not null && page.NextCursor == cursor || tools.Count + page.Tools.Count > ToolsMax)
                throw new McpProtocolException("Its list of tools has no end.", McpErrorCode.InternalError);
            tools.AddRange(page.Tools);
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return tools;
    }
}
