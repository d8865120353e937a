using System.Collections.Frozen;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;

namespace Varve.Mcp.Gateway.Dashboard;

/// <summary>The files of the dashboard, which are in this assembly. They need no key: what they show, they ask for with one.</summary>
internal static class DashboardFiles
{
    /// <summary>Everything comes from this gateway, nothing stands in the page itself, and no other page frames it.</summary>
    internal const string ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
        + "form-action 'none'; frame-ancestors 'none'";

    /// <summary>Where the files are, beside the page.</summary>
    internal const string Pattern = "/dashboard/{**file}";

    internal const string Page = "index.html";

    private const string ResourcePrefix = "dashboard/";

    private static readonly FrozenDictionary<string, DashboardFile> Files = ReadFiles();

    /// <summary>The files' names, as they stand behind <c>/dashboard/</c>.</summary>
    internal static IEnumerable<string> Names => Files.Keys;

    /// <summary>Serves <c>GET /dashboard/{file}</c>.</summary>
    public static IEndpointConventionBuilder Map(IEndpointRouteBuilder endpoints) =>
        endpoints.MapMethods(Pattern, [HttpMethods.Get, HttpMethods.Head], WriteFileAsync);

    /// <summary>Whether the caller would rather have a page than JSON: what a browser asks for, and what programs do not.</summary>
    public static bool PrefersPage(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out IList<MediaTypeHeaderValue>? accepted)) return false;
        double page = accepted.Where(type => type.MediaType == "text/html").Select(QualityOf).DefaultIfEmpty().Max();
        double json = accepted.Where(type => type.MediaType == "application/json").Select(QualityOf).DefaultIfEmpty().Max();
        return page > 0 && page >= json;
    }

    /// <summary>Writes the page itself.</summary>
    public static Task WritePageAsync(HttpContext context)
    {
        // At this address there is JSON too: a cache must not give one for the other.
        context.Response.Headers.Vary = HeaderNames.Accept;
        return WriteAsync(context, Files[Page]);
    }

    /// <summary>Writes the file that the route's value <c>file</c> names.</summary>
    public static Task WriteFileAsync(HttpContext context)
    {
        string name = context.Request.RouteValues["file"] as string ?? "";
        if (name is "" or Page)
        {
            // The page names its files as below its own address, so there is one address for it.
            context.Response.Redirect(context.Request.PathBase + "/");
            return Task.CompletedTask;
        }
        if (Files.TryGetValue(name, out DashboardFile? file)) return WriteAsync(context, file);
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }

    private static async Task WriteAsync(HttpContext context, DashboardFile file)
    {
        HttpResponse response = context.Response;
        response.Headers.ETag = file.EntityTag;
        response.Headers.CacheControl = "no-cache";
        response.Headers.ContentSecurityPolicy = ContentSecurityPolicy;
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers["Cross-Origin-Opener-Policy"] = "same-origin";
        response.Headers["Cross-Origin-Resource-Policy"] = "same-origin";
        if (IsKnown(context.Request, file))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }
        response.ContentType = file.ContentType;
        response.ContentLength = file.Content.Length;
        if (!HttpMethods.IsHead(context.Request.Method)) await response.Body.WriteAsync(file.Content, context.RequestAborted);
    }

    private static bool IsKnown(HttpRequest request, DashboardFile file) =>
        EntityTagHeaderValue.TryParseList(request.Headers.IfNoneMatch, out IList<EntityTagHeaderValue>? known)
        && known.Any(tag => tag.Equals(EntityTagHeaderValue.Any) || tag.Tag == file.EntityTag);

    private static double QualityOf(MediaTypeHeaderValue type) => type.Quality ?? 1;

    private static FrozenDictionary<string, DashboardFile> ReadFiles()
    {
        Dictionary<string, DashboardFile> files = new(StringComparer.Ordinal);
        foreach (string resource in typeof(DashboardFiles).Assembly.GetManifestResourceNames())
        {
            // A build on Windows names folders with a backslash.
            string path = resource.Replace('\\', '/');
            if (!path.StartsWith(ResourcePrefix, StringComparison.Ordinal)) continue;
            string name = path[ResourcePrefix.Length..];
            files.Add(name, DashboardFile.Read(name, resource));
        }
        return files.ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>A file, and how it is sent.</summary>
    private sealed record DashboardFile(ReadOnlyMemory<byte> Content, string ContentType, string EntityTag)
    {
        public static DashboardFile Read(string name, string resource)
        {
            using Stream stream = typeof(DashboardFiles).Assembly.GetManifestResourceStream(resource)!;
            byte[] content = new byte[stream.Length];
            stream.ReadExactly(content);
            string tag = $"\"{Convert.ToHexStringLower(SHA256.HashData(content).AsSpan(0, 16))}\"";
            return new DashboardFile(content, ContentTypeOf(name), tag);
        }

        private static string ContentTypeOf(string name) => Path.GetExtension(name) switch
        {
            ".html" => "text/html; charset=utf-8",
            ".css" => "text/css; charset=utf-8",
            ".js" => "text/javascript; charset=utf-8",
            ".svg" => "image/svg+xml",
            _ => "text/plain; charset=utf-8",
        };
    }
}
