using System.Globalization;
using System.Text.Json.Nodes;

namespace Varve.Mcp.Gateway.Tests.Dashboard;

/// <summary>What a gateway with something to do tells.</summary>
internal static class FakeData
{
    public static string Now(int secondsAgo = 0) =>
        DateTimeOffset.UtcNow.AddSeconds(-secondsAgo).ToString("O", CultureInfo.InvariantCulture);

    public static JsonObject Health(string status = "ok", bool isDraining = false) => new()
    {
        ["status"] = status,
        ["workers"] = new JsonObject { ["ready"] = 4, ["starting"] = 0, ["silent"] = 0, ["waiting"] = 1, ["total"] = 5 },
        ["queued"] = 3,
        ["draining"] = isDraining,
    };

    public static JsonObject Stats() => Parse("""
        {
          "workers": [
            {"slot": 0, "pid": 48211, "state": "ready", "in_flight": 6, "served": 184223, "errors": 12, "p50_ms": 3.1, "p99_ms": 41.7,
             "restarts": 0, "memory_bytes": 91226112, "last_failure": null},
            {"slot": 1, "pid": 48212, "state": "ready", "in_flight": 5, "served": 183877, "errors": 9, "p50_ms": 3.2, "p99_ms": 44.0,
             "restarts": 0, "memory_bytes": 90177536, "last_failure": null},
            {"slot": 2, "pid": 48305, "state": "ready", "in_flight": 8, "served": 97104, "errors": 31, "p50_ms": 3.4, "p99_ms": 58.2,
             "restarts": 1, "memory_bytes": 94371840, "last_failure": "It ended with exit code 139."},
            {"slot": 3, "pid": 48377, "state": "silent", "in_flight": 2, "served": 40218, "errors": 3, "p50_ms": 4.9, "p99_ms": 97.5,
             "restarts": 0, "memory_bytes": 88080384, "last_failure": null},
            {"slot": 4, "pid": null, "state": "waiting", "in_flight": 0, "served": 2201, "errors": 7, "p50_ms": null, "p99_ms": null,
             "restarts": 3, "memory_bytes": 0, "last_failure": "It did not list its tools within 30 s."}
          ],
          "pool": {"min": 2, "max": 8, "size": 5, "queued": 3, "queue_limit": 256, "worker_concurrency": 8},
          "breakers": {
            "process_payment": {"state": "open", "failures": 5},
            "fetch_exchange_rate": {"state": "half_open", "failures": 4},
            "generate_document": {"state": "closed", "failures": 1}
          },
          "calls": {"total": 507623, "errors": 62, "per_second": 412.6, "p50_ms": 3.3, "p99_ms": 52.4},
          "store": {
            "levels": [{"level": 0, "tables": 3, "bytes": 25165824}, {"level": 1, "tables": 9, "bytes": 201326592},
              {"level": 2, "tables": 38, "bytes": 1288490188}, {"level": 3, "tables": 121, "bytes": 4402341478}],
            "memory_bytes": 301989888, "memory_budget_bytes": 536870912, "write_pressure": 0.18
          },
          "uptime_seconds": 93784
        }
        """);

    public static List<JsonObject> Tools() =>
    [
        Parse("""
            {"name": "create_user", "description": "Creates a user, and records who did it.",
             "inputSchema": {"type": "object", "required": ["name", "email"], "properties": {
               "name": {"type": "string", "minLength": 1, "maxLength": 200, "description": "The full name."},
               "email": {"type": "string", "maxLength": 200, "pattern": "^[^@]+@[^@]+$"},
               "role": {"type": "string", "enum": ["reader", "editor", "admin"], "default": "reader"},
               "age": {"type": "integer", "minimum": 0, "maximum": 150},
               "active": {"type": "boolean", "default": true},
               "tags": {"type": "array", "items": {"type": "string", "maxLength": 100}, "description": "Words to find the user by."},
               "address": {"type": "object", "required": ["city"], "properties": {"street": {"type": "string", "maxLength": 200},
                 "city": {"type": "string", "maxLength": 200}, "place": {"$ref": "#/$defs/place"}}}},
               "$defs": {"place": {"type": "object", "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}}}}},
             "outputSchema": {"type": "object", "properties": {"user_id": {"type": "string"}}},
             "annotations": {"readOnlyHint": false, "destructiveHint": false}}
            """),
        Parse("""
            {"name": "get_user", "description": "Finds a user by its id.",
             "inputSchema": {"type": "object", "required": ["user_id"], "properties": {"user_id": {"type": "string", "maxLength": 200}}},
             "annotations": {"readOnlyHint": true}}
            """),
        Parse("""
            {"name": "generate_document", "description": "Writes a document, section by section.",
             "inputSchema": {"type": "object", "required": ["title"], "properties": {
               "title": {"type": "string", "maxLength": 200, "description": "The document's title."},
               "sections": {"type": "integer", "minimum": 1, "maximum": 20, "default": 3},
               "style": {"type": "string", "enum": ["plain", "formal", "brief"], "default": "plain"}}},
             "annotations": {"readOnlyHint": false, "destructiveHint": false, "idempotentHint": true}}
            """),
        Parse("""
            {"name": "put_entries", "description": "Writes entries of a map in one batch.",
             "inputSchema": {"type": "object", "required": ["name", "entries"], "additionalProperties": false, "properties": {
               "name": {"type": "string", "maxLength": 200},
               "entries": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 500}},
               "expires": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
               "limit": {"oneOf": [{"type": "integer", "title": "count"}, {"type": "object", "title": "bytes",
                 "required": ["bytes"], "properties": {"bytes": {"type": "integer"}}}]}}},
             "annotations": {"readOnlyHint": false, "destructiveHint": true}}
            """),
        Parse("""
            {"name": "list_tasks", "description": "Lists the tasks.", "inputSchema": {"type": "object"},
             "annotations": {"readOnlyHint": true}}
            """),
        Parse("""
            {"name": "process_payment", "description": "Pays once, however often it is asked to.",
             "inputSchema": {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "string", "maxLength": 20},
               "currency": {"type": "string", "enum": ["USD", "EUR", "GBP", "JPY"], "default": "USD"}}},
             "annotations": {"readOnlyHint": false, "destructiveHint": false, "idempotentHint": true}}
            """),
        Parse("""
            {"name": "run_orchestrator", "description": "Runs all tasks that are pending.",
             "inputSchema": {"type": "object", "properties": {"max_tasks": {"type": "integer"}}}, "annotations": {"readOnlyHint": false}}
            """),
    ];

    public static List<JsonObject> Calls() =>
    [
        Call("c-1006", "generate_document", "running", 12, null, """{"title": "Yearly report", "sections": 12, "style": "formal"}""", null),
        Call("c-1005", "process_payment", "completed", 41, 40, """{"amount": "120.50", "currency": "EUR"}""",
            """{"status": "success", "data": {"payment": {"transaction_id": "tx-000512", "amount": "120.50", "attempts": 2}}}"""),
        Call("c-1004", "create_user", "completed", 65, 65,
            """{"name": "Ada Lovelace", "email": "ada@example.org", "role": "editor", "tags": ["x"]}""",
            """{"status": "success", "data": {"user_id": "user-00042"}}"""),
        Call("c-1003", "process_payment", "stopped", 190, 171, """{"amount": "7.01"}""",
            """{"status": "error", "data": "The worker ended before it answered. It was not run again, since it may have paid."}""", 2),
        Call("c-1002", "get_user", "completed", 260, 260, """{"user_id": "user-00041"}""",
            """{"status": "success", "data": {"name": "Grace"}}"""),
        Call("c-1001", "run_orchestrator", "dead", 3700, 3400, """{"max_tasks": 5}""",
            """{"status": "error", "data": "Dead after 4 runs."}""", 4),
    ];

    public static JsonObject Call(
        string id, string tool, string state, int createdAgo, int? finishedAgo, string arguments, string? result, int attempts = 1)
    {
        return new JsonObject
        {
            ["id"] = id,
            ["tool"] = tool,
            ["state"] = state,
            ["created_at"] = Now(createdAgo),
            ["finished_at"] = finishedAgo is { } ago ? Now(ago) : null,
            ["attempts"] = attempts,
            ["arguments"] = JsonNode.Parse(arguments),
            ["result"] = result is null ? null : JsonNode.Parse(result),
        };
    }

    public static JsonObject Active(
        string id, string tool, string via, int secondsAgo, double? progress, double? total, string? message, int chunks)
    {
        return new JsonObject
        {
            ["id"] = id,
            ["tool"] = tool,
            ["via"] = via,
            ["started_at"] = Now(secondsAgo),
            ["progress"] = progress,
            ["total"] = total,
            ["message"] = message,
            ["chunks"] = chunks,
        };
    }

    public static JsonObject Parse(string json) => JsonNode.Parse(json)!.AsObject();
}
