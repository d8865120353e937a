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
    private const string ExposedHeaders = $"{HeaderNames.SessionId}, Location, Retry-After";

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
        Admission admission = Admit(context);
        if (admission.Refusal is { } refusal)
            await JsonRpcReply.WriteAsync(context, admission.Status, ErrorCodes.Refused, refusal);
        return admission.IsAdmitted;
    }

    /// <summary>Decides, and sets what goes with it: the caller, the headers. A refusal's body is for others to write.</summary>
    /// <param name="context">The request.</param>
    /// <param name="methods">What <c>OPTIONS</c> is told.</param>
    /// <param name="isOpen">Whether anybody may come in who has no key, but comes from the right place.</param>
    public Admission Admit(HttpContext context, string methods = Methods, bool isOpen = false)
    {
        if (FindRefusal(context, methods) is { } refusal) return new Admission(StatusCodes.Status403Forbidden, refusal);
        if (HttpMethods.IsOptions(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            context.Response.Headers.Allow = methods;
            return new Admission(StatusCodes.Status204NoContent, null);
        }
        if (isOpen || _keys.IsEmpty) return Admission.Granted;
        if (_keys.Find(context.Request) is { } caller)
        {
            context.User = caller;
            return Admission.Granted;
        }
        bool mayTryAgain = _failedKeys.TryCount(context.Connection.RemoteIpAddress);
        if (mayTryAgain) context.Response.Headers.WWWAuthenticate = "Bearer";
        else context.Response.Headers.RetryAfter = "60";
        int status = mayTryAgain ? StatusCodes.Status401Unauthorized : StatusCodes.Status429TooManyRequests;
        return new Admission(status, "Unauthorized.");
    }

    /// <summary>Whether an address may be bound, or a connection to it served.</summary>
    public static bool MayServe(McpHttpOptions options, IPAddress? local, bool isTls) =>
        local is null || IPAddress.IsLoopback(local)
        || (options.AllowRemote && options.ApiKeys.Count > 0 && (isTls || options.BehindProxy));

    private string? FindRefusal(HttpContext context, string methods)
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
        if (_options.AllowedOrigins.Contains(origin)) AddCors(context, origin, methods);
        else if (!Uri.TryCreate(origin, UriKind.Absolute, out Uri? page) || !(IsOwn(page.Host, page.Port, port) || IsOf(page, host)))
            return "Origin not allowed.";
        return null;
    }

    /// <summary>A page of this very server, by the name that it is asked under, which was found allowed.</summary>
    private static bool IsOf(Uri page, HostString host) => page.Authority.Equals(host.Value, StringComparison.OrdinalIgnoreCase);

    /// <summary>A loopback name with the port that the server itself listens on; in memory there is none.</summary>
    private static bool IsOwn(string name, int port, int ownPort) =>
        name is "localhost" or "127.0.0.1" or "[::1]" or "::1" && (port == ownPort || ownPort == 0);

    /// <summary>Only for origins that were named: never "*", never with credentials of the browser's own.</summary>
    private static void AddCors(HttpContext context, string origin, string methods)
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.AccessControlAllowOrigin = origin;
        headers.AccessControlExposeHeaders = ExposedHeaders;
        if (!HttpMethods.IsOptions(context.Request.Method)) return;
        headers.AccessControlAllowMethods = methods;
        headers.AccessControlAllowHeaders = context.Request.Headers.AccessControlRequestHeaders;
        headers.AccessControlMaxAge = "600";
    }
}

/// <summary>What is done with a request before anything of it is read.</summary>
/// <param name="Status">Of the answer, where it is not admitted.</param>
/// <param name="Refusal">Why; null where it is admitted, or has asked only what is allowed.</param>
internal readonly record struct Admission(int Status, string? Refusal)
{
    public static Admission Granted { get; } = new(StatusCodes.Status200OK, null);

    public bool IsAdmitted => Status == StatusCodes.Status200OK;
}
