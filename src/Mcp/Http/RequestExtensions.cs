using Microsoft.AspNetCore.Http;

namespace Varve.Mcp.Http;

/// <summary>What requests say of themselves.</summary>
internal static class RequestExtensions
{
    public static bool Accepts(this HttpRequest request, string type) =>
        request.GetTypedHeaders().Accept.Any(accepted => accepted.MatchesMediaType(type));
}
