using System.Text.Json;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

// Sampling and roots are deprecated in the protocol and still part of it.
#pragma warning disable MCP9005

namespace Varve.Mcp.Durable;

/// <summary>Questions that a tool elsewhere has ended its request with, put to the client of a session, which knows no such ends.</summary>
internal static class SessionQuestions
{
    /// <summary>Asks, and waits for the answer.</summary>
    /// <exception cref="OperationCanceledException">The session has ended: the run of the call ends too, and a later one asks.</exception>
    public static async Task<InputResponse> AskAsync(
        McpServer server, string alias, InputRequest question, CancellationToken cancellation)
    {
        using IDisposable? pause = DurableContext.Current?.PauseTimeLimit();
        try
        {
            if (question.ElicitationParams is { } elicitation)
                return InputResponse.FromElicitResult(
                    await ClientQuestion.Elicitation(alias, elicitation).AskAsync(server, cancellation));
            if (question.SamplingParams is { } sampling)
                return InputResponse.FromSamplingResult(await ClientQuestion.Sampling(alias, sampling).AskAsync(server, cancellation));
            if (question.RootsParams is { } roots)
                return InputResponse.FromRootsResult(await server.RequestRootsAsync(roots, cancellation));
            throw new JsonException($"The question '{alias}' is of a kind that is not known: {question.Method}.");
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException && !cancellation.IsCancellationRequested)
        {
            if (DurableContext.Current?.Invocation is not { } run) throw;
            run.Cancel();
            throw new OperationCanceledException(gone.Message, gone, run.Cancellation);
        }
    }
}
