using ModelContextProtocol.Protocol;
using Polly;
using Polly.CircuitBreaker;

namespace Varve.Mcp.Gateway.Front;

/// <summary>
/// Keeps calls from a tool whose calls fail again and again: some failures within a time open it, and once it has been open for long enough
/// one call may try.
/// </summary>
/// <remarks>
/// Polly's breaker opens by a share of failures; this one by their number. So while it is closed Polly hears of failures alone, of which a
/// share of one is needed. From then on calls go through it.
/// </remarks>
internal sealed class Breaker
{
    private readonly ResiliencePipeline<CallToolResult?> _pipeline;
    private readonly CircuitBreakerStateProvider _state = new();
    private readonly TimeProvider _time;
    private readonly TimeSpan _window;
    private readonly int _failuresMax;
    private readonly Lock _gate = new();
    private readonly Queue<DateTimeOffset> _failures = [];

    public Breaker(GatewayOptions options, TimeProvider time)
    {
        (_time, _window, _failuresMax) = (time, options.BreakerWindow, options.BreakerFailures);
        _pipeline = new ResiliencePipelineBuilder<CallToolResult?> { TimeProvider = time }
            .AddCircuitBreaker(new CircuitBreakerStrategyOptions<CallToolResult?>
            {
                FailureRatio = 1,
                MinimumThroughput = options.BreakerFailures,
                SamplingDuration = options.BreakerWindow,
                BreakDuration = options.BreakerOpen,
                StateProvider = _state,
                ShouldHandle = outcome => ValueTask.FromResult(IsFailure(outcome.Outcome)),
            })
            .Build();
    }

    public CircuitState State => _state.CircuitState;

    /// <summary>Failures within the window.</summary>
    public int Failures
    {
        get
        {
            lock (_gate)
            {
                ForgetLocked();
                return _failures.Count;
            }
        }
    }

    /// <summary>Runs a call.</summary>
    /// <exception cref="BrokenCircuitException">It is open.</exception>
    public async ValueTask<CallToolResult> RunAsync(Func<ValueTask<Outcome<CallToolResult?>>> call)
    {
        Outcome<CallToolResult?> outcome;
        if (State == CircuitState.Closed)
        {
            outcome = await call();
            Outcome<CallToolResult?> ended = outcome;
            if (IsFailure(ended)) await PassAsync(() => ValueTask.FromResult(ended));
        }
        else
        {
            outcome = await PassAsync(call);
        }
        if (outcome.Exception is not BrokenCircuitException && IsFailure(outcome)) Count();
        outcome.ThrowIfException();
        return outcome.Result!;
    }

    private async ValueTask<Outcome<CallToolResult?>> PassAsync(Func<ValueTask<Outcome<CallToolResult?>>> call)
    {
        ResilienceContext context = ResilienceContextPool.Shared.Get();
        try
        {
            return await _pipeline.ExecuteOutcomeAsync((_, run) => run(), context, call);
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    private static bool IsFailure(Outcome<CallToolResult?> outcome) =>
        outcome.Exception is { } exception ? CallFailures.IsFailure(exception) : CallFailures.IsFailure(outcome.Result!);

    private void Count()
    {
        lock (_gate)
        {
            ForgetLocked();
            if (_failures.Count >= _failuresMax) _failures.Dequeue();
            _failures.Enqueue(_time.GetUtcNow());
        }
    }

    private void ForgetLocked()
    {
        while (_failures.TryPeek(out DateTimeOffset oldest) && _time.GetUtcNow() - oldest >= _window) _failures.Dequeue();
    }
}
