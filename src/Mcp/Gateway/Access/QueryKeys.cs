using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Varve.Mcp.Http;

namespace Varve.Mcp.Gateway.Access;

/// <summary>
/// Takes keys out of addresses before anybody can log these. For WebSockets they count, because browsers cannot set headers there; for
/// everything else they are dropped.
/// </summary>
internal sealed class QueryKeys(IServiceProvider services) : IHttpContextFactory
{
    private const string Name = "api_key";

    private readonly DefaultHttpContextFactory _inner = new(services);

    public HttpContext Create(IFeatureCollection featureCollection)
    {
        if (featureCollection.Get<IHttpRequestFeature>() is { QueryString.Length: > 1 } request
            && request.QueryString.Contains(Name, StringComparison.OrdinalIgnoreCase))
            Strip(featureCollection, request);
        return _inner.Create(featureCollection);
    }

    public void Dispose(HttpContext httpContext) => _inner.Dispose(httpContext);

    private static void Strip(IFeatureCollection features, IHttpRequestFeature request)
    {
        QueryString kept = default;
        foreach (QueryStringEnumerable.EncodedNameValuePair pair in new QueryStringEnumerable(request.QueryString))
        {
            string name = pair.DecodeName().ToString();
            if (!name.Equals(Name, StringComparison.OrdinalIgnoreCase)) kept = kept.Add(name, pair.DecodeValue().ToString());
            else if (name == Name && request.Path.StartsWith("/ws/", StringComparison.Ordinal))
                features.Set(new QueryKey(pair.DecodeValue().ToString()));
        }
        request.QueryString = kept.ToUriComponent();
        request.RawTarget = request.Path + request.QueryString;
    }
}
