using Microsoft.AspNetCore.Http;

namespace Varve.Mcp.Gateway.Access;

/// <summary>A path and what it answers to.</summary>
/// <param name="handlers">By method.</param>
internal sealed class GatewayPath(params (string Method, RequestDelegate Handler)[] handlers)
{
    /// <summary>As in <c>Allow</c>.</summary>
    public string Methods { get; } = string.Join(", ", [.. handlers.Select(handler => handler.Method), HttpMethods.Options]);

    /// <summary>Whether a request needs no key. Default: it does.</summary>
    public Func<HttpContext, bool> IsOpen { get; init; } = _ => false;

    /// <summary>No path of the gateway's.</summary>
    public bool IsUnknown => handlers.Length == 0;

    public RequestDelegate? Find(string method)
    {
        foreach ((string known, RequestDelegate handler) in handlers)
            if (HttpMethods.Equals(known, method)) return handler;
        return null;
    }
}
