using Microsoft.AspNetCore.Http;
using Varve.Mcp.Calls;
using Varve.Mcp.Gateway.Front;
using Varve.Mcp.Gateway.Metrics;
using Varve.Mcp.Gateway.Rest;
using Varve.Mcp.Http;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Gateway.Access;

/// <summary>
/// Stands before every endpoint: who may come in, how often, by which method; and what becomes of errors that nobody expected.
/// </summary>
internal sealed class Admissions(RequestGuard guard, RateLimits limits, GatewayMetrics metrics, FailureLog failures)
{
    /// <summary>Puts itself before a path's handlers.</summary>
    public RequestDelegate Before(GatewayPath path) => context => HandleAsync(context, path);

    /// <summary>Puts itself before the MCP endpoint, which answers by JSON-RPC.</summary>
    public RequestDelegate BeforeMcp(McpEndpoint endpoint) => async context =>
    {
        if (!await guard.AdmitAsync(context)) return;
        if (limits.TryTake(context.User, out int retryAfter))
        {
            await AnswerAsync(context, endpoint.HandleAdmittedAsync);
            return;
        }
        metrics.CountRateLimited();
        context.Response.Headers.RetryAfter = $"{retryAfter}";
        await JsonRpcReply.WriteAsync(context, StatusCodes.Status429TooManyRequests, ErrorCodes.Refused, RateLimits.Refusal);
    };

    private async Task HandleAsync(HttpContext context, GatewayPath path)
    {
        bool isOpen = path.IsOpen(context);
        Admission admission = guard.Admit(context, path.Methods, isOpen);
        if (admission.Refusal is { } refusal)
        {
            string code = admission.Status switch { 401 => "unauthorized", 403 => "forbidden", _ => "rate_limited" };
            await context.WriteProblemAsync(new Problem(admission.Status, code, refusal));
        }
        if (!admission.IsAdmitted) return;
        if (!isOpen && !limits.TryTake(context.User, out int retryAfter))
        {
            metrics.CountRateLimited();
            await context.WriteProblemAsync(new Problem(429, "rate_limited", RateLimits.Refusal) { RetryAfter = retryAfter });
            return;
        }
        if (path.Find(context.Request.Method) is { } handler) await AnswerAsync(context, handler);
        else await RefuseMethodAsync(context, path);
    }

    private static Task RefuseMethodAsync(HttpContext context, GatewayPath path)
    {
        if (path.IsUnknown) return context.WriteProblemAsync(Problem.NotFound("There is nothing at this path."));
        context.Response.Headers.Allow = path.Methods;
        return context.WriteProblemAsync(
            new Problem(405, "method_not_allowed", $"{LogText.Of(context.Request.Method)} is not allowed here."));
    }

    private async Task AnswerAsync(HttpContext context, RequestDelegate handler)
    {
        try
        {
            await handler(context);
        }
        catch (Exception exception) when (context.RequestAborted.IsCancellationRequested
            && exception is OperationCanceledException or IOException)
        {
            // The client is gone; there is nobody to answer.
        }
        catch (BadHttpRequestException exception) when (!context.Response.HasStarted)
        {
            await context.WriteProblemAsync(new Problem(exception.StatusCode, "invalid_request", "The request could not be read."));
        }
        catch (Exception exception)
        {
            string reference = failures.Report(exception, "request", context.Request.Path);
            if (context.Response.HasStarted) context.Abort();
            else
                await context.WriteProblemAsync(new Problem(500, "internal", "The request failed unexpectedly.") { Reference = reference });
        }
    }
}
