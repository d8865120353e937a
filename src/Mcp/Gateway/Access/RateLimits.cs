using System.Security.Claims;
using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;
using Varve.Mcp.Calls;

namespace Varve.Mcp.Gateway.Access;

/// <summary>How often each caller may come: a bucket of tokens for each name.</summary>
internal sealed class RateLimits(IOptions<GatewayOptions> options) : IDisposable
{
    public const string Refusal = "Too many requests: try again later.";

    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    // Names are those of keys, so there are as many as somebody has set up.
    private readonly PartitionedRateLimiter<string> _limiter = PartitionedRateLimiter.Create<string, string>(caller =>
        RateLimitPartition.GetTokenBucketLimiter(caller, _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = options.Value.RateLimitBurst,
            TokensPerPeriod = options.Value.RateLimitPerSecond,
            ReplenishmentPeriod = Period,
        }));

    /// <summary>Counts a request.</summary>
    /// <param name="user">Whose it is.</param>
    /// <param name="retryAfter">Seconds after which there is room again.</param>
    /// <returns>False where it is one too many.</returns>
    public bool TryTake(ClaimsPrincipal user, out int retryAfter)
    {
        using RateLimitLease lease = _limiter.AttemptAcquire(ToolCall.PrincipalOf(user));
        lease.TryGetMetadata(MetadataName.RetryAfter, out TimeSpan wait);
        retryAfter = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds));
        return lease.IsAcquired;
    }

    public void Dispose() => _limiter.Dispose();
}
