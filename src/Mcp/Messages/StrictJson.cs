using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;

namespace Varve.Mcp.Messages;

/// <summary>JSON by stricter rules than its own: UTF-8 that can be read, no member twice, at most 32 levels.</summary>
internal static class StrictJson
{
    public const int DepthMax = 32;

    public static JsonDocumentOptions Rules { get; } = new() { MaxDepth = DepthMax, AllowDuplicateProperties = false };

    /// <summary>
    /// Whether every string can be read. The parser does not look into strings, and whoever reads one with half a character in it later, by
    /// its bytes or by an escape, gets an exception where none is expected.
    /// </summary>
    public static bool IsText(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json)) return false;
        // Only escapes of surrogates can be halves.
        if (json.IndexOf("\\ud"u8) < 0 && json.IndexOf("\\uD"u8) < 0) return true;
        Utf8JsonReader reader = new(json);
        try
        {
            while (reader.Read())
                if (reader.ValueIsEscaped) reader.GetString();
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>Reads an object, or says what is wrong with it, and of which member where there is one to name.</summary>
    public static bool TryReadObject(
        ReadOnlySpan<byte> json, [NotNullWhen(true)] out JsonObject? value, out string? member, [NotNullWhen(false)] out string? problem)
    {
        (value, member, problem) = (null, null, null);
        try
        {
            if (!IsText(json)) problem = "It is not JSON in UTF-8.";
            else if (FindRepeated(json) is { } repeated) (member, problem) = (repeated, $"'{repeated}' is there twice.");
            else if (JsonNode.Parse(json, null, Rules) is JsonObject found) value = found;
            else problem = "It must be a JSON object.";
        }
        catch (JsonException)
        {
            problem = $"It is not JSON, or nests deeper than {DepthMax} levels.";
        }
        return value is not null;
    }

    /// <summary>The path of a member that an object has twice; null where there is none.</summary>
    private static string? FindRepeated(ReadOnlySpan<byte> json)
    {
        Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = DepthMax });
        Stack<(HashSet<string>? Members, string? Current)> open = [];
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.StartObject) open.Push(([], null));
            else if (reader.TokenType == JsonTokenType.StartArray) open.Push((null, null));
            else if (reader.TokenType is JsonTokenType.EndObject or JsonTokenType.EndArray) open.Pop();
            if (reader.TokenType != JsonTokenType.PropertyName) continue;
            string name = reader.GetString()!;
            (HashSet<string>? members, _) = open.Pop();
            bool isNew = members!.Add(name);
            open.Push((members, name));
            if (!isNew) return LogText.Of(string.Join('.', open.Reverse().Select(level => level.Current).OfType<string>()));
        }
        return null;
    }
}
