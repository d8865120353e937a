using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol.Server;

namespace Varve.Mcp.Arguments;

/// <summary>Puts what <see cref="ItemLimitsAttribute"/> says into a tool's schema, which clients see and calls are held against.</summary>
internal static class ItemLimits
{
    private static readonly string[] PlainTypes = ["string", "number", "boolean", "null"];

    public static void PutIntoSchema(McpServerTool tool)
    {
        if (tool.Metadata.OfType<MethodInfo>().FirstOrDefault() is not { } method) return;
        JsonObject? schema = null;
        foreach (ParameterInfo parameter in method.GetParameters())
        {
            if (parameter.GetCustomAttribute<ItemLimitsAttribute>() is not { } limits) continue;
            schema ??= JsonObject.Create(tool.ProtocolTool.InputSchema)!;
            if (schema["properties"]?[parameter.Name!] is JsonObject property) Put(property, limits);
        }

        if (schema is not null) tool.ProtocolTool.InputSchema = JsonElement.Parse(schema.ToJsonString());
    }

    private static void Put(JsonObject property, ItemLimitsAttribute limits)
    {
        bool isList = property.ContainsKey("items") || IsOfType(property["type"], "array");
        property[isList ? "maxItems" : "maxProperties"] = limits.Count;
        string holder = isList ? "items" : "additionalProperties";
        JsonObject item = property[holder]?.DeepClone() as JsonObject ?? [];
        item["type"] ??= new JsonArray([.. PlainTypes.Select(type => (JsonNode)type)]);
        item["maxLength"] = limits.Length;
        property[holder] = item;
        if (!isList) property["propertyNames"] = new JsonObject { ["maxLength"] = limits.NameLength };
    }

    private static bool IsOfType(JsonNode? type, string name) => type switch
    {
        JsonArray several => several.Any(one => (string?)one == name),
        JsonValue one => (string?)one == name,
        _ => false,
    };
}
