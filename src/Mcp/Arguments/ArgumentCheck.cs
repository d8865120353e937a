using System.Globalization;
using System.Text.Json;

namespace Varve.Mcp.Arguments;

/// <summary>What is wrong with an argument.</summary>
/// <param name="Argument">Its path, as <c>entries[2].name</c>.</param>
/// <param name="Text">A sentence that begins with it.</param>
internal sealed record ArgumentProblem(string Argument, string Text);

/// <summary>Arguments against a tool's schema, before the tool runs: the SDK itself says only that something was wrong.</summary>
/// <remarks>
/// Checked: type, required, enum, const, ranges, lengths, items, properties and their names, members that the schema does not know, and
/// references within the schema. Whatever else a schema says (allOf, if, pattern, …) is the tool's own to check, and is never held
/// against an argument.
/// </remarks>
internal static class ArgumentCheck
{
    private const int ReferencesMax = 16;

    /// <summary>Of a member's name that is said in a problem; the caller made it up, and it may be as long as a message.</summary>
    private const int NameCharsMax = 100;

    public static ArgumentProblem? Find(JsonElement schema, IDictionary<string, JsonElement>? arguments)
    {
        if (schema.ValueKind != JsonValueKind.Object) return null;
        Dictionary<string, JsonElement> members = arguments is null ? [] : new(arguments, StringComparer.Ordinal);
        return CheckMembers(schema, schema, "", members);
    }

    private static ArgumentProblem? Check(JsonElement root, JsonElement schema, string path, JsonElement value)
    {
        schema = Resolve(root, schema);
        if (schema.ValueKind == JsonValueKind.False) return Problem(path, "is not allowed");
        if (schema.ValueKind != JsonValueKind.Object) return null;
        if (schema.TryGetProperty("type"u8, out JsonElement type) && !HasType(type, value))
            return Problem(path, $"must be {Describe(type)}, not {Name(value)}");
        if (TryGet(schema, "enum", JsonValueKind.Array, out JsonElement allowed) && !Contains(allowed, value))
            return Problem(path, $"must be one of {string.Join(", ", allowed.EnumerateArray().Select(item => item.GetRawText()))}");
        if (schema.TryGetProperty("const"u8, out JsonElement only) && !JsonElement.DeepEquals(only, value))
            return Problem(path, $"must be {only.GetRawText()}");
        return value.ValueKind switch
        {
            JsonValueKind.Number => CheckRange(schema, path, value),
            JsonValueKind.String => CheckLength(schema, path, "minLength", "maxLength", CodePoints(value.GetString()!), "characters"),
            JsonValueKind.Array => CheckLength(schema, path, "minItems", "maxItems", value.GetArrayLength(), "items")
                ?? CheckItems(root, schema, path, value),
            JsonValueKind.Object => CheckMembers(
                root, schema, path, value.EnumerateObject().ToDictionary(member => member.Name, member => member.Value)),
            _ => null,
        };
    }

    private static ArgumentProblem? CheckMembers(JsonElement root, JsonElement schema, string path, Dictionary<string, JsonElement> members)
    {
        if (TryGet(schema, "required", JsonValueKind.Array, out JsonElement required))
            foreach (JsonElement name in required.EnumerateArray())
                if (!members.ContainsKey(name.GetString()!)) return Problem(Join(path, name.GetString()!), "is required");
        bool hasProperties = TryGet(schema, "properties", JsonValueKind.Object, out JsonElement properties);
        bool hasOthers = schema.TryGetProperty("additionalProperties"u8, out JsonElement others);
        bool hasNames = TryGet(schema, "propertyNames", JsonValueKind.Object, out JsonElement names);
        foreach ((string name, JsonElement value) in members)
        {
            string member = Join(path, name);
            ArgumentProblem? problem = null;
            if (hasNames) problem = CheckLength(names, member, "minLength", "maxLength", CodePoints(name), "characters in its name");
            if (problem is not null) return problem;
            if (hasProperties && properties.TryGetProperty(name, out JsonElement property)) problem = Check(root, property, member, value);
            else if (hasOthers && others.ValueKind != JsonValueKind.False) problem = Check(root, others, member, value);
            else if (hasOthers || (hasProperties && IsComplete(schema))) problem = Problem(member, "is unknown");
            if (problem is not null) return problem;
        }
        return CheckLength(schema, path, "minProperties", "maxProperties", members.Count, "members");
    }

    /// <summary>Whether <c>properties</c> names every member; other keywords may allow more.</summary>
    private static bool IsComplete(JsonElement schema)
    {
        foreach (JsonProperty keyword in schema.EnumerateObject())
            if (keyword.Name is "allOf" or "anyOf" or "oneOf" or "if" or "patternProperties" or "unevaluatedProperties") return false;
        return true;
    }

    private static ArgumentProblem? CheckItems(JsonElement root, JsonElement schema, string path, JsonElement array)
    {
        if (!schema.TryGetProperty("items"u8, out JsonElement items)) return null;
        int index = 0;
        foreach (JsonElement item in array.EnumerateArray())
            if (Check(root, items, string.Create(CultureInfo.InvariantCulture, $"{path}[{index++}]"), item) is { } problem) return problem;
        return null;
    }

    private static ArgumentProblem? CheckRange(JsonElement schema, string path, JsonElement value)
    {
        double number = value.GetDouble();
        string? wrong =
            TryGet(schema, "minimum", out double bound) && number < bound ? Text($"must be at least {bound}")
            : TryGet(schema, "maximum", out bound) && number > bound ? Text($"must be at most {bound}")
            : TryGet(schema, "exclusiveMinimum", out bound) && number <= bound ? Text($"must be more than {bound}")
            : TryGet(schema, "exclusiveMaximum", out bound) && number >= bound ? Text($"must be less than {bound}")
            : null;
        return wrong is null ? null : Problem(path, wrong);
    }

    private static ArgumentProblem? CheckLength(JsonElement schema, string path, string least, string most, int length, string unit)
    {
        string? wrong =
            TryGet(schema, least, out double bound) && length < bound ? Text($"must have at least {bound} {unit}")
            : TryGet(schema, most, out bound) && length > bound ? Text($"must have at most {bound} {unit}")
            : null;
        return wrong is null ? null : Problem(path, wrong);
    }

    /// <summary>Follows <c>$ref</c> to another place of the same schema; what cannot be followed allows everything.</summary>
    private static JsonElement Resolve(JsonElement root, JsonElement schema)
    {
        for (int hops = 0; hops < ReferencesMax; hops++)
        {
            if (schema.ValueKind != JsonValueKind.Object || !schema.TryGetProperty("$ref"u8, out JsonElement reference)) return schema;
            string target = reference.GetString() ?? "";
            if (target != "#" && !target.StartsWith("#/", StringComparison.Ordinal)) return default;
            schema = root;
            foreach (string step in target.Split('/').Skip(1))
            {
                string name = step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
                if (schema.ValueKind != JsonValueKind.Object || !schema.TryGetProperty(name, out schema)) return default;
            }
        }
        return default;
    }

    private static bool HasType(JsonElement type, JsonElement value)
    {
        if (type.ValueKind == JsonValueKind.Array) return type.EnumerateArray().Any(one => HasType(one, value));
        return type.GetString() switch
        {
            "string" => value.ValueKind == JsonValueKind.String,
            "integer" => value.ValueKind == JsonValueKind.Number && double.IsInteger(value.GetDouble()),
            "number" => value.ValueKind == JsonValueKind.Number,
            "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
            "array" => value.ValueKind == JsonValueKind.Array,
            "object" => value.ValueKind == JsonValueKind.Object,
            "null" => value.ValueKind == JsonValueKind.Null,
            _ => true,
        };
    }

    private static string Describe(JsonElement type) =>
        type.ValueKind == JsonValueKind.Array ? string.Join(" or ", type.EnumerateArray().Select(Describe)) : type.GetString()!;

    private static string Name(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number => double.IsInteger(value.GetDouble()) ? "integer" : "number",
        JsonValueKind.True or JsonValueKind.False => "boolean",
        _ => value.ValueKind.ToString().ToLowerInvariant(),
    };

    private static bool Contains(JsonElement values, JsonElement value)
    {
        foreach (JsonElement one in values.EnumerateArray())
            if (JsonElement.DeepEquals(one, value)) return true;
        return false;
    }

    private static int CodePoints(string text)
    {
        int count = 0;
        foreach (char character in text)
            if (!char.IsLowSurrogate(character)) count++;
        return count;
    }

    private static bool TryGet(JsonElement schema, string keyword, out double number)
    {
        number = 0;
        return TryGet(schema, keyword, JsonValueKind.Number, out JsonElement value) && value.TryGetDouble(out number);
    }

    private static bool TryGet(JsonElement schema, string keyword, JsonValueKind kind, out JsonElement value) =>
        schema.TryGetProperty(keyword, out value) && value.ValueKind == kind;

    private static string Join(string path, string name)
    {
        string shown = name.Length > NameCharsMax ? name[..NameCharsMax] + "..." : name;
        return path.Length == 0 ? shown : $"{path}.{shown}";
    }

    private static ArgumentProblem Problem(string path, string what) => new(path, $"Argument '{path}' {what}.");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
