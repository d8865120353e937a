using System.Text.Json;

namespace Varve.Mcp.Durable;

/// <summary>
/// Arguments in one form for equal ones: members in ordinal order, no white space. Numbers stay as they were written.
/// </summary>
internal static class CanonicalJson
{
    public static byte[] Write(IEnumerable<KeyValuePair<string, JsonElement>>? arguments) => IdleBuffer.WriteJson(arguments ?? [], Write);

    private static void Write(Utf8JsonWriter writer, IEnumerable<KeyValuePair<string, JsonElement>> members)
    {
        writer.WriteStartObject();
        foreach ((string name, JsonElement value) in members.OrderBy(member => member.Key, StringComparer.Ordinal))
        {
            writer.WritePropertyName(name);
            Write(writer, value);
        }

        writer.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter writer, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                Write(writer, value.EnumerateObject().Select(member => KeyValuePair.Create(member.Name, member.Value)));
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (JsonElement item in value.EnumerateArray()) Write(writer, item);
                writer.WriteEndArray();
                break;
            default:
                value.WriteTo(writer);
                break;
        }
    }
}
