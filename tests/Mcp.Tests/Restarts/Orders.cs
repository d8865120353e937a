using System.Text.Json.Nodes;
using Varve.Mcp.Tests.Fakes;

namespace Varve.Mcp.Tests.Restarts;

/// <summary>Calls of the tool that charges and ships, and what is read from answers.</summary>
internal static class Orders
{
    /// <summary>In a session, with progress.</summary>
    public static HttpRequestMessage Order(this McpHost server, string session, int amount) => server.LegacyRequest(
        session, "tools/call",
        new JsonObject
        {
            ["name"] = "order",
            ["arguments"] = new JsonObject { ["amount"] = amount },
            ["_meta"] = new JsonObject { ["progressToken"] = "p" },
        },
        id: 5);

    /// <summary>Without a session, with a key.</summary>
    public static HttpRequestMessage KeyedOrder(this McpHost server, int amount)
    {
        HttpRequestMessage request = server.ModernCall("order", new JsonObject { ["amount"] = amount });
        request.Headers.Add("Idempotency-Key", "k");
        return request;
    }

    /// <summary>The name of the error that an answer is; null where it is none.</summary>
    public static string? ErrorName(this JsonNode? answer) => (string?)answer?["result"]?["_meta"]?["io.varve/error"]?["code"];
}
