using System.Net;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Varve.Mcp.Http;

/// <summary>The callers' keys. Every comparison takes the same time, whatever is presented.</summary>
internal sealed class ApiKeys
{
    private const string BearerPrefix = "Bearer ";
    private const string KeyHeader = "X-API-Key";

    private readonly (byte[] Digest, ClaimsPrincipal Caller)[] _keys;

    public ApiKeys(IEnumerable<KeyValuePair<string, string>> keys)
    {
        _keys = [.. keys.Select(key => (SHA256.HashData(Encoding.UTF8.GetBytes(key.Value)), CallerOf(key.Key)))];
    }

    public bool IsEmpty => _keys.Length == 0;

    /// <summary>The caller whose key the request presents, or null.</summary>
    public ClaimsPrincipal? Find(HttpRequest request)
    {
        string authorization = request.Headers.Authorization.ToString();
        string presented = authorization.StartsWith(BearerPrefix, StringComparison.OrdinalIgnoreCase)
            ? authorization[BearerPrefix.Length..].Trim()
            : request.Headers[KeyHeader].ToString();
        // Browsers cannot set headers of a WebSocket: there the address has the key, and has lost it by now.
        if (presented.Length == 0 && request.HttpContext.Features.Get<QueryKey>() is { } query) presented = query.Value;
        // Digests: lengths would tell too. No early end: the position of a key would tell.
        byte[] digest = SHA256.HashData(Encoding.UTF8.GetBytes(presented));
        ClaimsPrincipal? caller = null;
        foreach ((byte[] expected, ClaimsPrincipal candidate) in _keys)
            if (CryptographicOperations.FixedTimeEquals(digest, expected)) caller = candidate;
        return caller;
    }

    private static ClaimsPrincipal CallerOf(string name) => new(new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, name)], "ApiKey"));
}

/// <summary>A key that came in the request's address.</summary>
/// <param name="Value">The key.</param>
internal sealed record QueryKey(string Value);

/// <summary>
/// Counts refused keys by address: ten a minute, then the address has to wait. Bounded; addresses beyond that share one count.
/// </summary>
internal sealed class FailedKeys(TimeProvider time)
{
    private const int PerMinuteMax = 10;
    private const int AddressesMax = 1_024;

    private readonly Lock _gate = new();
    private readonly Dictionary<IPAddress, int> _failures = [];
    private DateTimeOffset _minute;

    /// <summary>Counts one more; false where the address has failed too often in this minute.</summary>
    public bool TryCount(IPAddress? address)
    {
        lock (_gate)
        {
            DateTimeOffset now = time.GetUtcNow();
            if (now - _minute >= TimeSpan.FromMinutes(1))
            {
                _failures.Clear();
                _minute = now;
            }
            IPAddress key = address ?? IPAddress.None;
            if (_failures.Count >= AddressesMax && !_failures.ContainsKey(key)) key = IPAddress.None;
            int failures = _failures.GetValueOrDefault(key) + 1;
            _failures[key] = failures;
            return failures <= PerMinuteMax;
        }
    }
}
