using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Polly.CircuitBreaker;
using Varve.Mcp.Calls;

namespace Varve.Mcp.Gateway.Front;

/// <summary>A breaker for each tool.</summary>
internal sealed class Breakers(IOptions<GatewayOptions> options, TimeProvider time)
{
    private readonly ConcurrentDictionary<string, Breaker> _breakers = new(StringComparer.Ordinal);

    public Breaker Of(ToolCall call) => _breakers.GetOrAdd(NameOf(call), _ => new Breaker(options.Value, time));

    /// <summary>Those that have something to tell.</summary>
    public IEnumerable<(string Tool, string State, int Failures)> Read()
    {
        foreach ((string tool, Breaker breaker) in _breakers.OrderBy(one => one.Key, StringComparer.Ordinal))
        {
            CircuitState state = breaker.State;
            int failures = breaker.Failures;
            if (state != CircuitState.Closed || failures > 0) yield return (tool, StateName(state), failures);
        }
    }

    /// <summary>The tool's name for what is kept of each tool: callers cannot make up more of them than there are tools.</summary>
    public static string NameOf(ToolCall call) => call.Tool?.ProtocolTool.Name ?? "other";

    private static string StateName(CircuitState state) => state switch
    {
        CircuitState.Closed => "closed",
        CircuitState.HalfOpen => "half_open",
        _ => "open",
    };
}
