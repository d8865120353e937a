using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Varve.Mcp.Gateway.Rest;

/// <summary>How the gateway is: <c>/</c>, <c>/health*</c>, <c>/stats</c>.</summary>
internal sealed class StatusEndpoints(GatewayStatus status, ToolEndpoints tools)
{
    public Task GetInformationAsync(HttpContext context) => context.WriteJsonAsync(status.ReadInformation(tools.Tools.Count()));

    public Task GetStatsAsync(HttpContext context) => context.WriteJsonAsync(status.ReadStats());

    public Task GetHealthAsync(HttpContext context)
    {
        (JsonObject body, bool isUp) = status.ReadHealth();
        return context.WriteJsonAsync(body, isUp ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }

    public static Task GetLivenessAsync(HttpContext context) => context.WriteJsonAsync(new JsonObject { ["status"] = "ok" });

    public Task GetReadinessAsync(HttpContext context)
    {
        IReadOnlyList<string> reasons = status.FindUnready();
        JsonObject body = new()
        {
            ["status"] = reasons.Count == 0 ? "ok" : "unready",
            ["reasons"] = new JsonArray([.. reasons.Select(reason => JsonValue.Create(reason))]),
        };
        return context.WriteJsonAsync(body, reasons.Count == 0 ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }
}
