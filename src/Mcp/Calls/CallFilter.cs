using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Idempotency;
using Varve.Mcp.Arguments;
using Varve.Mcp.Durable;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Calls;

/// <summary>Every call of a tool goes through here: arguments, limits, the journal, the tool, and what becomes of its errors.</summary>
internal sealed class CallFilter : IDisposable
{
    private readonly VarveMcpOptions _options;
    private readonly ICallRunner _runner;
    private readonly TimeProvider _time;
    private readonly FailureLog _failures;
    private readonly ConcurrencyLimiter _limiter;

    public CallFilter(IOptions<VarveMcpOptions> options, ICallRunner runner, TimeProvider time, FailureLog failures)
    {
        (_options, _runner, _time, _failures) = (options.Value, runner, time, failures);
        _limiter = new ConcurrencyLimiter(new ConcurrencyLimiterOptions
        {
            PermitLimit = _options.CallsMax,
            QueueLimit = _options.CallsQueuedMax,
            QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
        });
    }

    public void Dispose() => _limiter.Dispose();

    public async ValueTask<CallToolResult> HandleAsync(
        RequestContext<CallToolRequestParams> request, McpRequestHandler<CallToolRequestParams, CallToolResult> tool,
        CancellationToken cancellation)
    {
        McpServerTool? matched = request.MatchedPrimitive as McpServerTool;
        string? key = IdempotencyKeys.Read(request.JsonRpcRequest);
        ToolCall call = new(request, matched, ToolCall.PrincipalOf(request.User), key, ToolCall.IsModernRequest(request));

        // What was admitted once is not turned away when it is run again: whoever does that keeps the limit.
        if (RecoveredCall.RunOf(request.JsonRpcRequest) is not null)
            return await RunAsync(call, new CallPermit(lease: null), tool, cancellation);

        // With a key the journal is asked first: the answer of a finished call holds, whatever has become of the tool's schema.
        if (key is null && RefuseArguments(call) is { } refusal) return refusal;
        var permit = new CallPermit(await _limiter.AcquireAsync(1, cancellation));
        try
        {
            if (!permit.IsAcquired) throw ErrorCodes.Overload("calls at the same time");
            return await RunAsync(call, permit, tool, cancellation);
        }
        finally
        {
            permit.Leave();
        }
    }

    private async ValueTask<CallToolResult> RunAsync(
        ToolCall call, CallPermit permit, McpRequestHandler<CallToolRequestParams, CallToolResult> tool, CancellationToken cancellation)
    {
        using CallTimeLimit? limit = _options.CallTimeout is { } most ? new CallTimeLimit(most, _time) : null;
        using CancellationTokenSource? either =
            limit is null ? null : CancellationTokenSource.CreateLinkedTokenSource(limit.Over, cancellation);
        try
        {
            ToolCall limited = limit is null ? call : call with { TimeLimit = limit };
            return await _runner.RunAsync(limited, token => RunToolAsync(limited, permit, tool, token), either?.Token ?? cancellation);
        }
        catch (OperationCanceledException) when (limit is { Over.IsCancellationRequested: true } && !cancellation.IsCancellationRequested)
        {
            return ErrorCodes.Result("timeout", $"The tool did not finish within {_options.CallTimeout!.Value.TotalSeconds:0.###} s.");
        }
        catch (Exception failure) when (IsUnexpected(failure, cancellation))
        {
            return Report(call, failure);
        }
    }

    /// <summary>The tool, and its exceptions as results: inside the journal, which keeps these, too.</summary>
    private async ValueTask<CallToolResult> RunToolAsync(
        ToolCall call, CallPermit permit, McpRequestHandler<CallToolRequestParams, CallToolResult> tool, CancellationToken cancellation)
    {
        permit.Enter();
        try
        {
            bool isChecked = call.IdempotencyKey is null && RecoveredCall.RunOf(call.Request.JsonRpcRequest) is null;
            CallToolResult? refusal = isChecked ? null : RefuseArguments(call);
            return refusal ?? await tool(call.Request, cancellation);
        }
        catch (McpException known) when (known is not McpProtocolException)
        {
            return ErrorCodes.Result("tool_error", known.Message);
        }
        catch (Exception failure)
            when (failure is not (RetryableException or InvocationLostException or CallInterruptedException)
                && IsUnexpected(failure, cancellation))
        {
            return Report(call, failure);
        }
        finally
        {
            permit.Leave();
        }
    }

    /// <summary>The result that names the argument that is wrong; null where all are right.</summary>
    private static CallToolResult? RefuseArguments(ToolCall call)
    {
        if (call.Tool?.ProtocolTool is not { } tool) return null;
        return ArgumentCheck.Find(tool.InputSchema, call.Request.Params.Arguments) is { } problem
            ? ErrorCodes.Result("invalid_argument", problem.Text, "argument", problem.Argument)
            : null;
    }

    private static bool IsUnexpected(Exception failure, CancellationToken cancellation) =>
        failure is not (McpProtocolException or InputRequiredException)
        && !(failure is OperationCanceledException && cancellation.IsCancellationRequested);

    private CallToolResult Report(ToolCall call, Exception failure)
    {
        if (failure is RetryableException) return ErrorCodes.Result("retryable", failure.Message);
        string reference = _failures.Report(failure, "tool", call.Request.Params.Name);
        return ErrorCodes.Result("internal", $"The tool failed unexpectedly (reference {reference}).", "reference", reference);
    }
}
