using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Calls;
using Varve.Mcp.Gateway.Front;

namespace Varve.Mcp.Gateway.Rest;

/// <summary><c>/openapi.json</c>: the HTTP API as OpenAPI 3.1, made from the tools' own schemas.</summary>
internal sealed class OpenApiEndpoint(ToolEndpoints tools, GatewayStatus status)
{
    private const string Json = "application/json";

    public Task GetAsync(HttpContext context) => context.WriteJsonAsync(Write());

    private JsonObject Write()
    {
        JsonObject paths = [];
        foreach (Tool tool in tools.Tools)
        {
            string path = $"/tools/{Uri.EscapeDataString(tool.Name)}";
            paths[path] = new JsonObject { ["post"] = Call(tool) };
            paths[path + "/stream"] = new JsonObject { ["post"] = Stream(tool), ["get"] = Resume(tool) };
        }
        AddOthers(paths);
        return new JsonObject
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject { ["title"] = status.Name, ["version"] = status.Version },
            ["paths"] = paths,
            ["components"] = Components(),
            ["security"] = new JsonArray(new JsonObject { ["apiKey"] = new JsonArray() }, new JsonObject { ["bearer"] = new JsonArray() }),
        };
    }

    private static JsonObject Call(Tool tool)
    {
        JsonObject operation = Operation(tool, "call", Answer("The result.", Json, ResultSchema(tool)));
        operation["parameters"]!.AsArray().Add(Header("Prefer", "respond-async: answer at once, and let the call go on."));
        operation["responses"]!["202"] = Answer("The call goes on; Location says where it is told of.", Json, Reference("Accepted"));
        return operation;
    }

    private static JsonObject Stream(Tool tool) => Operation(tool, "stream", EventAnswer());

    private static JsonObject Resume(Tool tool)
    {
        JsonObject lastEventId = Header(Http.HeaderNames.LastEventId, "The last event that was read.");
        lastEventId["required"] = true;
        return new JsonObject
        {
            ["operationId"] = "resume_" + tool.Name,
            ["parameters"] = new JsonArray(lastEventId),
            ["responses"] = Responses(EventAnswer()),
        };
    }

    private static JsonObject Operation(Tool tool, string verb, JsonObject answer)
    {
        JsonObject operation = new() { ["operationId"] = $"{verb}_{tool.Name}" };
        if (tool.Title is not null) operation["summary"] = tool.Title;
        if (tool.Description is not null) operation["description"] = tool.Description;
        operation["parameters"] = new JsonArray(Header(IdempotencyKeys.HeaderName, "Calls with the same key run once."));
        operation["requestBody"] = new JsonObject
        {
            ["required"] = true,
            ["content"] = new JsonObject { [Json] = new JsonObject { ["schema"] = EnvelopeSchema(tool) } },
        };
        operation["responses"] = Responses(answer);
        return operation;
    }

    private static JsonObject EnvelopeSchema(Tool tool) => new()
    {
        ["type"] = "object",
        ["properties"] = new JsonObject
        {
            ["arguments"] = Embed(tool.InputSchema, tool.Name + "/arguments"),
            ["idempotencyKey"] = new JsonObject { ["type"] = "string" },
            ["inputResponses"] = new JsonObject { ["type"] = "object" },
            ["requestState"] = new JsonObject { ["type"] = "string" },
        },
        ["additionalProperties"] = false,
    };

    private static JsonObject ResultSchema(Tool tool) => new()
    {
        ["type"] = "object",
        ["properties"] = new JsonObject
        {
            ["status"] = new JsonObject { ["enum"] = new JsonArray("success", "error", "input_required") },
            ["data"] = tool.OutputSchema is { ValueKind: JsonValueKind.Object } schema
                ? new JsonObject { ["anyOf"] = new JsonArray(Embed(schema, tool.Name + "/data"), new JsonObject()) }
                : new JsonObject(),
            ["replayed"] = new JsonObject { ["type"] = "boolean" },
        },
        ["required"] = new JsonArray("status", "data"),
    };

    /// <summary>A schema that refers to parts of itself gets a name of its own: else they would be looked for in this document.</summary>
    private static JsonObject Embed(JsonElement schema, string name)
    {
        string text = schema.GetRawText();
        JsonObject copy = (JsonObject)JsonNode.Parse(text)!;
        if (text.Contains("\"$ref\"", StringComparison.Ordinal)) copy["$id"] ??= "urn:varve:" + Uri.EscapeDataString(name);
        return copy;
    }

    private static void AddOthers(JsonObject paths)
    {
        paths["/tools"] = Reading("The tools with their schemas.");
        paths["/calls"] = Reading("The caller's calls, the newest first.");
        paths["/calls/active"] = Reading("The calls that run now.");
        JsonObject call = Reading("One call, and its result once it has ended.");
        call["delete"] = new JsonObject
        {
            ["responses"] = Responses(new JsonObject { ["description"] = "It is cancelled." }, StatusCodes.Status204NoContent),
        };
        paths["/calls/{id}"] = WithId(call);
        JsonObject again = Answer("It is called again.", Json, Reference("Accepted"));
        paths["/calls/{id}/replay"] = WithId(
            new JsonObject { ["post"] = new JsonObject { ["responses"] = Responses(again, StatusCodes.Status202Accepted) } });
        paths["/stats"] = Reading("Pool, workers, breakers, store.");
        foreach (string path in (string[])["/health", "/health/live", "/health/ready"])
        {
            paths[path] = Reading("Whether it is well: 200 or 503. Needs no key.");
            paths[path]!["get"]!["security"] = new JsonArray();
        }
    }

    private static JsonObject Reading(string description) => new()
    {
        ["get"] = new JsonObject
        {
            ["description"] = description,
            ["responses"] = Responses(Answer(description, Json, new JsonObject { ["type"] = "object" })),
        },
    };

    private static JsonObject WithId(JsonObject path)
    {
        path["parameters"] = new JsonArray(new JsonObject
        {
            ["name"] = "id",
            ["in"] = "path",
            ["required"] = true,
            ["schema"] = new JsonObject { ["type"] = "string" },
        });
        return path;
    }

    private static JsonObject Responses(JsonObject answer, int status = StatusCodes.Status200OK) => new()
    {
        [$"{status}"] = answer,
        ["default"] = Answer("A problem.", ProblemJson.ContentType, Reference("Problem")),
    };

    private static JsonObject EventAnswer() => Answer(
        "Events progress, chunk, result, error and done.", Http.SseBody.ContentType, new JsonObject { ["type"] = "string" });

    private static JsonObject Answer(string description, string type, JsonObject schema) => new()
    {
        ["description"] = description,
        ["content"] = new JsonObject { [type] = new JsonObject { ["schema"] = schema } },
    };

    private static JsonObject Header(string name, string description) => new()
    {
        ["name"] = name,
        ["in"] = "header",
        ["description"] = description,
        ["schema"] = new JsonObject { ["type"] = "string" },
    };

    private static JsonObject Reference(string schema) => new() { ["$ref"] = $"#/components/schemas/{schema}" };

    private static JsonObject Components() => (JsonObject)JsonNode.Parse("""
        {
          "schemas": {
            "Accepted": {
              "type": "object",
              "properties": {"id": {"type": "string"}, "status": {"const": "running"}},
              "required": ["id", "status"]
            },
            "Problem": {
              "type": "object",
              "properties": {
                "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"},
                "code": {"type": "string"}, "argument": {"type": "string"}, "field": {"type": "string"},
                "reference": {"type": "string"}, "request_id": {"type": "string"}
              },
              "required": ["type", "title", "status", "detail", "code", "request_id"]
            }
          },
          "securitySchemes": {
            "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            "bearer": {"type": "http", "scheme": "bearer"}
          }
        }
        """)!;
}
