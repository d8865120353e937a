using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Calls;

namespace Varve.Mcp.Gateway.Front;

/// <summary>A call took longer than it may.</summary>
internal sealed class CallTimedOutException(OperationCanceledException inner) : Exception("The call took too long.", inner);

/// <summary>Which ends of a call say that something is wrong with how it is run, and not with what it asks.</summary>
internal static class CallFailures
{
    public static bool IsFailure(Exception exception) => exception switch
    {
        CallTimedOutException or CallInterruptedException => true,
        McpProtocolException protocol => protocol.ErrorCode == McpErrorCode.InternalError,
        _ => false,
    };

    public static bool IsFailure(CallToolResult result) =>
        result.IsError == true && CallAnswer.CodeOf(result.Meta) is "timeout" or "stopped" or "worker_lost" or "internal";
}
