using System.Net;
using System.Security.Authentication;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Http;

/// <summary>Who may come in, on every method and before a body is read: address, <c>Host</c>, <c>Origin</c>, key.</summary>
/// <remarks><c>Host</c> and <c>Origin</c> keep web pages out that have a name of theirs point to this machine (DNS rebinding).</remarks>
internal sealed class RequestGuard
{
    private const string Methods = "POST, GET, DELETE, OPTIONS";

    private readonly McpHttpOptions _options;
    private readonly ApiKeys _keys;
    private readonly FailedKeys _failedKeys;

    public RequestGuard(IOptions<VarveMcpOptions> options, TimeProvider time)
    {
        _options = options.Value.Http;
        _keys = new ApiKeys(_options.ApiKeys);
        _failedKeys = new FailedKeys(time);
    }

    /// <summary>False where the request was answered: refused, or one that only asks what is allowed.</summary>
    public async ValueTask<bool> AdmitAsync(HttpContext context)
    {
        string? refusal = FindRefusal(context);
        if (refusal is not null)
        {
            await JsonRpcReply.WriteAsync(context, StatusCodes.Status403Forbidden, ErrorCodes.Refused, refusal);
            return false;
        }
        if (HttpMethods.IsOptions(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            context.Response.Headers.Allow = Methods;
            return false;
        }
        if (_keys.IsEmpty) return true;
        if (_keys.Find(context.Request) is { } caller)
        {
            context.User = caller;
            return true;
        }
        bool mayTryAgain = _failedKeys.TryCount(context.Connection.RemoteIpAddress);
        if (mayTryAgain) context.Response.Headers.WWWAuthenticate = "Bearer";
        else context.Response.Headers.RetryAfter = "60";
        int status = mayTryAgain ? StatusCodes.Status401Unauthorized : StatusCodes.Status429TooManyRequests;
        await JsonRpcReply.WriteAsync(context, status, ErrorCodes.Refused, "Unauthorized.");
        return false;
    }

    /// <summary>Whether an address may be bound, or a connection to it served.</summary>
    public static bool MayServe(McpHttpOptions options, IPAddress? local, bool isTls) =>
        local is null || IPAddress.IsLoopback(local)
        || (options.AllowRemote && options.ApiKeys.Count > 0 && (isTls || options.BehindProxy));

    private string? FindRefusal(HttpContext context)
    {
        HttpRequest request = context.Request;
        if (!MayServe(_options, context.Connection.LocalIpAddress, request.IsHttps)) return "Not served on this address.";
        if (context.Features.Get<ITlsHandshakeFeature>() is { Protocol: < SslProtocols.Tls12 }) return "Not served by this version of TLS.";
        int port = context.Connection.LocalPort;
        HostString host = request.Host;
        bool isHost = IsOwn(host.Host, host.Port ?? (request.IsHttps ? 443 : 80), port)
            || _options.AllowedHosts.Contains(host.Value ?? "") || _options.AllowedHosts.Contains(host.Host);
        if (!isHost) return "Host not allowed.";
        string origin = request.Headers.Origin.ToString();
        if (origin.Length == 0) return null;
        context.Response.Headers.Append("Vary", "Origin");
        if (_options.AllowedOrigins.Contains(origin)) AddCors(context, origin);
        else if (!Uri.TryCreate(origin, UriKind.Absolute, out Uri? page) || !IsOwn(page.Host, page.Port, port))
            return "Origin not allowed.";
        return null;
    }

    /// <summary>A loopback name with the port that the server itself listens on; in memory there is none.</summary>
    private static bool IsOwn(string name, int port, int ownPort) =>
        name is "localhost" or "127.0.0.1" or "[::1]" or "::1" && (port == ownPort || ownPort == 0);

    /// <summary>Only for origins that were named: never "*", never with credentials of the browser's own.</summary>
    private static void AddCors(HttpContext context, string origin)
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.AccessControlAllowOrigin = origin;
        headers.AccessControlExposeHeaders = HeaderNames.SessionId;
        if (!HttpMethods.IsOptions(context.Request.Method)) return;
        headers.AccessControlAllowMethods = Methods;
        headers.AccessControlAllowHeaders = context.Request.Headers.AccessControlRequestHeaders;
        headers.AccessControlMaxAge = "600";
    }
}
