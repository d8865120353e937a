using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Durable;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Gateway.Front;

/// <summary>What a call ends with: a body <c>{"status", "data"}</c>, or a problem. One of the two is there.</summary>
internal sealed record CallAnswer(JsonObject? Body, Problem? Problem)
{
    private const string StatusName = "status";
    private const string DataName = "data";

    /// <summary>The result's <c>data</c> where it is a list; else null.</summary>
    public JsonArray? Items => Body?[DataName] as JsonArray;

    /// <summary>"success", "error", "input_required", or a problem's code.</summary>
    public string Status => Problem?.Code ?? (Body?[StatusName] is JsonValue said && said.TryGetValue(out string? text) ? text : "success");

    public static CallAnswer Of(Problem problem) => new(null, problem);

    /// <summary>From the answer of the server.</summary>
    public static CallAnswer Of(JsonRpcMessage message) => message switch
    {
        JsonRpcResponse { Result: JsonObject result } => OfResult(result),
        JsonRpcError error => Of(ProblemOf(error.Error)),
        _ => Of(new Problem(500, "internal", "The tool gave no result.")),
    };

    /// <summary>From a stored result.</summary>
    public static CallAnswer Of(CallToolResult result) =>
        OfResult((JsonObject)JsonSerializer.SerializeToNode(result, McpJsonUtilities.DefaultOptions)!);

    /// <summary>The code that this server gave a result that tells of an error; null where the tool itself made it.</summary>
    public static string? CodeOf(JsonObject? meta) =>
        meta?[ErrorCodes.ResultMetaKey] is JsonObject error && TextOf(error["code"]) is { } code ? code : null;

    private static CallAnswer OfResult(JsonObject result)
    {
        if (TextOf(result["resultType"]) == "input_required")
        {
            JsonObject asked = new()
            {
                ["inputRequests"] = result["inputRequests"]?.DeepClone(),
                ["requestState"] = result["requestState"]?.DeepClone(),
            };
            return new CallAnswer(new JsonObject { [StatusName] = "input_required", [DataName] = asked }, null);
        }
        JsonObject? meta = result["_meta"] as JsonObject;
        bool isError = result["isError"] is JsonValue said && said.TryGetValue(out bool isSet) && isSet;
        if (isError && CodeOf(meta) is { } code && StatusOf(code) is { } status)
        {
            JsonObject error = (JsonObject)meta![ErrorCodes.ResultMetaKey]!;
            return Of(new Problem(status, code, TextOf(result["content"] as JsonArray ?? []))
            {
                Argument = TextOf(error["argument"]),
                Reference = TextOf(error["reference"]),
            });
        }
        JsonObject body = result["structuredContent"] is JsonObject both && both.ContainsKey(StatusName) && both.ContainsKey(DataName)
            ? (JsonObject)both.DeepClone()
            : new JsonObject { [StatusName] = isError ? "error" : "success", [DataName] = DataOf(result) };
        if (meta?[StoredResult.ReplayedKey] is JsonValue replayed && replayed.TryGetValue(out bool isReplay) && isReplay)
            body["replayed"] = true;
        return new CallAnswer(body, null);
    }

    private static JsonNode? DataOf(JsonObject result)
    {
        if (result["structuredContent"] is { } structured) return structured.DeepClone();
        JsonArray content = result["content"] as JsonArray ?? [];
        return content.All(block => TextOf(block?["type"]) == "text") ? TextOf(content) : content.DeepClone();
    }

    private static string TextOf(JsonArray content) => string.Join('\n', content.Select(block => TextOf(block?["text"])));

    private static int? StatusOf(string code) => code switch
    {
        "invalid_argument" => 400,
        "stopped" or "worker_lost" or "dead" => 502,
        "timeout" => 504,
        "internal" => 500,
        _ => null,
    };

    private static Problem ProblemOf(JsonRpcErrorDetail error)
    {
        // Made in this process, so it may be any type that can be written as JSON.
        JsonObject? data = JsonSerializer.SerializeToNode(error.Data, McpJsonUtilities.DefaultOptions) as JsonObject;
        string? reason = TextOf(data?["reason"]);
        return (error.Code, reason) switch
        {
            ((int)McpErrorCode.InvalidParams, "idempotency_conflict") => new Problem(422, reason!, error.Message),
            ((int)McpErrorCode.InvalidParams, _) => new Problem(400, reason ?? "invalid_request", error.Message),
            (ErrorCodes.Refused, _) => Problem.Overload(error.Message),
            ((int)McpErrorCode.MissingRequiredClientCapability, _) => new Problem(400, "cannot_answer", error.Message),
            _ => new Problem(500, "internal", error.Message),
        };
    }

    private static string? TextOf(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? text : null;
}
