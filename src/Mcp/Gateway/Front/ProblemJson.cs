using System.Text.Json;
using System.Text.Json.Nodes;

namespace Varve.Mcp.Gateway.Front;

/// <summary>Problems as JSON.</summary>
internal static class ProblemJson
{
    public const string ContentType = "application/problem+json";

    /// <summary>As RFC 9457 has it.</summary>
    public static byte[] WriteBody(Problem problem, string requestId)
    {
        JsonObject body = new()
        {
            ["type"] = "about:blank",
            ["title"] = TitleOf(problem.Status),
            ["status"] = problem.Status,
            ["detail"] = problem.Detail,
            ["code"] = problem.Code,
        };
        AddDetails(body, problem);
        body["request_id"] = requestId;
        return JsonSerializer.SerializeToUtf8Bytes(body);
    }

    /// <summary>As the <c>error</c> event of a stream.</summary>
    public static byte[] WriteEvent(Problem problem)
    {
        JsonObject body = new() { ["code"] = problem.Code, ["message"] = problem.Detail };
        AddDetails(body, problem);
        return JsonSerializer.SerializeToUtf8Bytes(body);
    }

    private static void AddDetails(JsonObject body, Problem problem)
    {
        if (problem.Argument is not null) body["argument"] = problem.Argument;
        if (problem.Field is not null) body["field"] = problem.Field;
        if (problem.Reference is not null) body["reference"] = problem.Reference;
    }

    private static string TitleOf(int status)
    {
        string title = Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status);
        return title.Length > 0 ? title : "Error";
    }
}
