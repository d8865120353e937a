using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using ModelContextProtocol.Protocol;

namespace Varve.Mcp.Http;

/// <summary>Arguments that a tool's schema mirrors into headers (<c>x-mcp-header</c>): header and argument must be the same.</summary>
internal static class ParameterHeaders
{
    /// <summary>The integers that every JSON implementation can tell apart.</summary>
    private const double IntegerMax = (1L << 53) - 1;

    private const NumberStyles NumberForm =
        NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;

    /// <summary>A header's text; text that is not plain ASCII comes as <c>=?base64?…?=</c>.</summary>
    public static bool TryDecode(string header, [NotNullWhen(true)] out string? text)
    {
        header = header.Trim();
        text = header.AsSpan().ContainsAnyExceptInRange(' ', '~') ? null : McpHeaderEncoder.DecodeValue(header);
        return text is not null;
    }

    public static string? FindMismatch(IHeaderDictionary headers, JsonElement schema, JsonObject? arguments)
    {
        if (schema.ValueKind != JsonValueKind.Object || !schema.TryGetProperty("properties"u8, out JsonElement properties)
            || properties.ValueKind != JsonValueKind.Object)
            return null;
        foreach (JsonProperty property in properties.EnumerateObject())
        {
            if (property.Value.ValueKind != JsonValueKind.Object) continue;
            JsonNode? argument = arguments?[property.Name];
            if (FindMismatch(headers, property.Value, argument as JsonObject) is { } nested) return nested;
            if (property.Value.TryGetProperty("x-mcp-header"u8, out JsonElement name) && name.GetString() is { Length: > 0 } suffix
                && Compare(headers, HeaderNames.ParameterPrefix + suffix, property, argument) is { } mismatch)
                return mismatch;
        }
        return null;
    }

    private static string? Compare(IHeaderDictionary headers, string header, JsonProperty property, JsonNode? argument)
    {
        if (!headers.TryGetValue(header, out var value))
            return argument is null ? null : $"the header {header} for '{property.Name}' is missing.";
        if (!TryDecode(value.ToString(), out string? actual)) return $"{header} cannot be read.";
        if (argument is null || McpHeaderEncoder.ConvertToHeaderValue(argument) is not { } encoded) return null;
        string? expected = McpHeaderEncoder.DecodeValue(encoded);
        bool agrees = IsInteger(property.Value) && IsNumber(actual, out double left) && IsNumber(expected, out double right)
            ? left == right && double.IsInteger(left) && Math.Abs(left) <= IntegerMax
            : actual == expected;
        return agrees ? null : $"{header} is not the argument '{property.Name}'.";
    }

    private static bool IsInteger(JsonElement property) =>
        property.TryGetProperty("type"u8, out JsonElement type)
        && (type.ValueKind == JsonValueKind.Array
            ? type.EnumerateArray().Any(one => one.ValueKind == JsonValueKind.String && one.ValueEquals("integer"u8))
            : type.ValueKind == JsonValueKind.String && type.ValueEquals("integer"u8));

    private static bool IsNumber(string? text, out double number) =>
        double.TryParse(text, NumberForm, CultureInfo.InvariantCulture, out number);
}
