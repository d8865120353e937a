using Microsoft.Extensions.Options;

namespace Varve.Mcp.Gateway;

/// <summary>Options that cannot work fail the start.</summary>
internal sealed class GatewayOptionsCheck : IValidateOptions<GatewayOptions>
{
    private const int BodyBytesLeast = 1 << 10;

    // The breaker's library takes no shorter ones.
    private static readonly TimeSpan BreakerTimeLeast = TimeSpan.FromSeconds(0.5);

    public ValidateOptionsResult Validate(string? name, GatewayOptions options)
    {
        List<string> problems = [];
        void Require(bool holds, string problem)
        {
            if (!holds) problems.Add(problem);
        }
        void RequireTime(TimeSpan time, string named) => Require(time > TimeSpan.Zero, $"{named} is more than zero.");
        Require(options.WorkersMin >= 1, $"{nameof(options.WorkersMin)} is at least 1.");
        Require(options.WorkersMax >= options.WorkersMin, $"{nameof(options.WorkersMax)} is at least {nameof(options.WorkersMin)}.");
        Require(options.WorkerConcurrency >= 1, $"{nameof(options.WorkerConcurrency)} is at least 1.");
        Require(options.QueueLimit >= 0, $"{nameof(options.QueueLimit)} is at least 0.");
        Require(options.HealthMissesMax >= 1, $"{nameof(options.HealthMissesMax)} is at least 1.");
        Require(options.RateLimitPerSecond >= 1 && options.RateLimitBurst >= 1, "Rate limits are at least 1.");
        Require(options.BodyBytesMax >= BodyBytesLeast, $"{nameof(options.BodyBytesMax)} is at least {BodyBytesLeast}.");
        Require(options.BreakerFailures >= 2, $"{nameof(options.BreakerFailures)} is at least 2.");
        Require(
            options.BreakerWindow >= BreakerTimeLeast && options.BreakerOpen >= BreakerTimeLeast,
            $"{nameof(options.BreakerWindow)} and {nameof(options.BreakerOpen)} are at least 0.5 s.");
        RequireTime(options.WorkerIdle, nameof(options.WorkerIdle));
        RequireTime(options.GrowInterval, nameof(options.GrowInterval));
        RequireTime(options.StartTimeout, nameof(options.StartTimeout));
        RequireTime(options.HealthInterval, nameof(options.HealthInterval));
        RequireTime(options.HealthTimeout, nameof(options.HealthTimeout));
        RequireTime(options.RestartDelay, nameof(options.RestartDelay));
        RequireTime(options.RestartDelayMax, nameof(options.RestartDelayMax));
        RequireTime(options.RequestTimeout, nameof(options.RequestTimeout));
        RequireTime(options.DrainTimeout, nameof(options.DrainTimeout));
        RequireTime(options.StreamKept, nameof(options.StreamKept));
        RequireTime(options.StreamAbandoned, nameof(options.StreamAbandoned));
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }
}
