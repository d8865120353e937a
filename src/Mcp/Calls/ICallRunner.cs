using ModelContextProtocol.Protocol;

namespace Varve.Mcp.Calls;

/// <summary>Runs calls of tools: where a journal stands between the caller and the tool. Any thread may call it.</summary>
/// <remarks>
/// Checks come before it, so what it sees may run; limits and errors come around it. Register one before <c>AddVarveMcp</c> to replace
/// the one without journal.
/// </remarks>
public interface ICallRunner
{
    /// <summary>Runs a call, or answers it from what is known already.</summary>
    /// <param name="call">The call.</param>
    /// <param name="run">Runs the tool; may be called never, or again.</param>
    /// <param name="cancellation">Ends the wait of this caller.</param>
    /// <returns>The result for the caller.</returns>
    ValueTask<CallToolResult> RunAsync(ToolCall call, ToolCall.Run run, CancellationToken cancellation);
}
