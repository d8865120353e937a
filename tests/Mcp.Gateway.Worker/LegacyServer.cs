using System.Text.Json.Nodes;

namespace Varve.Mcp.Gateway.Worker;

/// <summary>A server by hand that knows revision 2024-11-05 and nothing later, and lists its tools in pages.</summary>
internal static class LegacyServer
{
    private static readonly string[] Tools = ["echo", "meta", "progress", "garbage", "change", "ask"];

    private static bool s_isInitialized;
    private static bool s_hasMore;

    public static async Task<int> RunAsync(bool answersUnknown, bool diesOfUnknown)
    {
        while (await Console.In.ReadLineAsync() is { } line)
        {
            JsonNode message = JsonNode.Parse(line)!;
            if (message["id"] is not { } id) s_isInitialized |= (string?)message["method"] == "notifications/initialized";
            else if (Answer((string?)message["method"], message["params"]) is { } answer) Send(answer, id);
            else if (answersUnknown) Send(Unknown(), id);
            else if (diesOfUnknown) return 5;
        }
        return 0;
    }

    private static JsonObject? Answer(string? method, JsonNode? parameters) => method switch
    {
        "initialize" => Result(new JsonObject
        {
            ["protocolVersion"] = "2024-11-05",
            ["capabilities"] = new JsonObject { ["tools"] = new JsonObject { ["listChanged"] = true } },
            ["serverInfo"] = new JsonObject { ["name"] = "legacy", ["version"] = "1" },
        }),
        "ping" when s_isInitialized => Result([]),
        "tools/list" when s_isInitialized => Page((string?)parameters?["cursor"]),
        "tools/call" when s_isInitialized => Call((string)parameters!["name"]!, parameters),
        _ => null,
    };

    /// <summary>Two a page.</summary>
    private static JsonObject Page(string? cursor)
    {
        int start = cursor is null ? 0 : int.Parse(cursor, null);
        string[] all = s_hasMore ? [.. Tools, "more"] : Tools;
        JsonObject page = new()
        {
            ["tools"] = new JsonArray([.. all.Skip(start).Take(2).Select(name => new JsonObject
            {
                ["name"] = name,
                ["inputSchema"] = new JsonObject { ["type"] = "object" },
            })]),
        };
        if (start + 2 < all.Length) page["nextCursor"] = $"{start + 2}";
        return Result(page);
    }

    private static JsonObject Call(string tool, JsonNode parameters)
    {
        switch (tool)
        {
            case "progress":
                for (int tick = 1; tick <= 3; tick++) Notify("notifications/progress", new JsonObject
                {
                    ["progressToken"] = parameters["_meta"]!["progressToken"]!.DeepClone(),
                    ["progress"] = tick,
                });
                break;
            case "garbage":
                Console.Out.WriteLine("This is no message.\n{\"neither\": \"is this\"}\n\n[1, 2]");
                break;
            case "change":
                s_hasMore = true;
                foreach (string list in (string[])["tools", "resources", "prompts"]) Notify($"notifications/{list}/list_changed", []);
                break;
            case "ask":
                Console.Out.WriteLine("""{"jsonrpc":"2.0","id":"own","method":"sampling/createMessage","params":{}}""");
                return Text(Console.In.ReadLine()!);
            case "meta":
                return Text(parameters["_meta"]?.ToJsonString() ?? "");
        }
        return Text((string?)parameters["arguments"]?["text"] ?? tool);
    }

    private static JsonObject Unknown() => new() { ["error"] = new JsonObject { ["code"] = -32601, ["message"] = "Unknown." } };

    private static JsonObject Text(string text) =>
        Result(new JsonObject { ["content"] = new JsonArray(new JsonObject { ["type"] = "text", ["text"] = text }) });

    private static JsonObject Result(JsonObject result) => new() { ["result"] = result };

    private static void Notify(string method, JsonObject parameters) =>
        Write(new JsonObject { ["method"] = method, ["params"] = parameters });

    private static void Send(JsonObject message, JsonNode id)
    {
        message["id"] = id.DeepClone();
        Write(message);
    }

    private static void Write(JsonObject message)
    {
        message["jsonrpc"] = "2.0";
        Console.Out.WriteLine(message.ToJsonString());
        Console.Out.Flush();
    }
}
