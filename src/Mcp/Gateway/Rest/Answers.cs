using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Varve.Mcp.Gateway.Front;

namespace Varve.Mcp.Gateway.Rest;

/// <summary>Writes answers: JSON, or a problem.</summary>
internal static class Answers
{
    public static Task WriteJsonAsync(this HttpContext context, JsonNode body, int status = StatusCodes.Status200OK) =>
        WriteAsync(context, status, "application/json; charset=utf-8", JsonSerializer.SerializeToUtf8Bytes(body));

    public static Task WriteProblemAsync(this HttpContext context, Problem problem)
    {
        if (problem.RetryAfter is { } seconds) context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return WriteAsync(
            context, problem.Status, ProblemJson.ContentType, ProblemJson.WriteBody(problem, context.TraceIdentifier));
    }

    public static Task WriteAnswerAsync(this HttpContext context, CallAnswer answer) =>
        answer.Problem is { } problem ? WriteProblemAsync(context, problem) : WriteJsonAsync(context, answer.Body!);

    /// <summary>A call goes on by itself: where its end will be told.</summary>
    public static Task WriteAcceptedAsync(this HttpContext context, string id)
    {
        context.Response.Headers.Location = $"/calls/{Uri.EscapeDataString(id)}";
        return WriteJsonAsync(context, new JsonObject { ["id"] = id, ["status"] = "running" }, StatusCodes.Status202Accepted);
    }

    public static Task WriteAsync(this HttpContext context, int status, string contentType, byte[] body)
    {
        HttpResponse response = context.Response;
        (response.StatusCode, response.ContentType, response.ContentLength) = (status, contentType, body.Length);
        response.Headers.CacheControl = "no-store";
        response.Headers.XContentTypeOptions = "nosniff";
        return HttpMethods.IsHead(context.Request.Method)
            ? Task.CompletedTask
            : response.Body.WriteAsync(body, context.RequestAborted).AsTask();
    }
}
