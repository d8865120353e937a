using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

namespace Varve.Mcp.Arguments;

/// <summary>Arguments of prompts: those that are required, and none that is unknown. A prompt has no result that could say so.</summary>
internal static class PromptArguments
{
    /// <exception cref="McpProtocolException">One is missing or unknown; the message names it.</exception>
    public static void Check(RequestContext<GetPromptRequestParams> request)
    {
        if (request.MatchedPrimitive is not McpServerPrompt { ProtocolPrompt.Arguments: { } known }) return;
        ICollection<string> given = request.Params.Arguments?.Keys ?? [];
        string? missing = known.FirstOrDefault(argument => argument.Required == true && !given.Contains(argument.Name))?.Name;
        if (missing is not null) throw new McpProtocolException($"Argument '{missing}' is required.", McpErrorCode.InvalidParams);
        string? unknown = given.FirstOrDefault(name => known.All(argument => argument.Name != name));
        if (unknown is not null) throw new McpProtocolException($"Argument '{unknown}' is unknown.", McpErrorCode.InvalidParams);
    }
}
