using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;
using Varve.Mcp.Calls;
using Varve.Mcp.Durable;
using Varve.Mcp.Gateway.Metrics;
using Varve.Mcp.Gateway.Pool;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Gateway.Front;

/// <summary>
/// Every call goes through here, before the journal: refused while the gateway stops, while its tool's breaker is open, or while too many
/// wait for a worker; sent again where its worker died and it changes nothing; counted.
/// </summary>
internal sealed class GatewayCallRunner(
    ICallRunner inner, IWorkerPool pool, ActiveCalls active, Breakers breakers, GatewayMetrics metrics, Drain drain, TimeProvider time)
    : ICallRunner
{
    private const int SendsMax = 3;

    private readonly ResiliencePipeline<CallToolResult> _sending = new ResiliencePipelineBuilder<CallToolResult> { TimeProvider = time }
        .AddRetry(new RetryStrategyOptions<CallToolResult>
        {
            MaxRetryAttempts = SendsMax - 1,
            Delay = TimeSpan.Zero,
            ShouldHandle = new PredicateBuilder<CallToolResult>().Handle<CallInterruptedException>(),
            OnRetry = _ =>
            {
                metrics.CountResend();
                return default;
            },
        })
        .Build();

    public async ValueTask<CallToolResult> RunAsync(ToolCall call, ToolCall.Run run, CancellationToken cancellation)
    {
        // One that the journal runs again was admitted once; turned away it would only come back.
        bool isRecovered = RecoveredCall.IsOne(call.Request.JsonRpcRequest);
        if (!isRecovered) Admit();
        RunningCall running = active.Begin(call);
        long startedAt = time.GetTimestamp();
        string status = "cancelled";
        try
        {
            CallToolResult result = isRecovered
                ? await SendAsync(call, run, cancellation)
                : await RunThroughBreakerAsync(call, run, cancellation);
            status = result.IsError != true ? "success" : CallAnswer.CodeOf(result.Meta) ?? "error";
            return result;
        }
        catch (CallTimedOutException late)
        {
            status = "timeout";
            throw late.InnerException!;
        }
        catch (McpProtocolException refused)
        {
            status = refused.ErrorCode == (McpErrorCode)ErrorCodes.Refused ? "overload" : "refused";
            throw;
        }
        catch (InputRequiredException)
        {
            status = "input_required";
            throw;
        }
        finally
        {
            TimeSpan duration = time.GetElapsedTime(startedAt);
            metrics.CountCall(Breakers.NameOf(call), status, duration);
            active.End(running, call, status, duration);
        }
    }

    private void Admit()
    {
        string? refusal = drain.IsDraining ? "The gateway stops and takes no new calls."
            : pool.IsFull ? "Too many calls wait for a worker: try again later."
            : null;
        if (refusal is null) return;
        metrics.CountRefusal(drain.IsDraining ? "draining" : "queue_full");
        throw Refusal(refusal);
    }

    private async ValueTask<CallToolResult> RunThroughBreakerAsync(ToolCall call, ToolCall.Run run, CancellationToken cancellation)
    {
        try
        {
            return await breakers.Of(call).RunAsync(async () =>
            {
                try
                {
                    return Outcome.FromResult<CallToolResult?>(await SendAsync(call, run, cancellation));
                }
                catch (Exception exception)
                {
                    return Outcome.FromException<CallToolResult?>(exception);
                }
            });
        }
        catch (BrokenCircuitException)
        {
            metrics.CountRefusal("breaker_open");
            throw Refusal("The tool's calls have failed again and again, so it gets none for a while: try again later.");
        }
    }

    /// <summary>A call that reaches here with its worker dead is not in the journal, which would have dealt with it.</summary>
    private async ValueTask<CallToolResult> SendAsync(ToolCall call, ToolCall.Run run, CancellationToken cancellation)
    {
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation, drain.Ended);
        bool mayRepeat = call.Tool?.ProtocolTool.Annotations?.ReadOnlyHint == true;
        try
        {
            return mayRepeat
                ? await _sending.ExecuteAsync(_ => inner.RunAsync(call, run, ending.Token), CancellationToken.None)
                : await inner.RunAsync(call, run, ending.Token);
        }
        catch (CallInterruptedException)
        {
            return mayRepeat
                ? ErrorCodes.Result("worker_lost", "The worker that ran the call died, and so did the next ones.")
                : ErrorCodes.Result("stopped", "Stopped while under way; effect unknown.");
        }
        catch (OperationCanceledException late) when (call.TimeLimit is { Over.IsCancellationRequested: true })
        {
            throw new CallTimedOutException(late);
        }
        catch (OperationCanceledException) when (drain.Ended.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw Refusal("The gateway stops.");
        }
    }

    private static McpProtocolException Refusal(string text) => new(text, (McpErrorCode)ErrorCodes.Refused);
}
