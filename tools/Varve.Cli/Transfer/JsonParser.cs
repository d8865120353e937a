using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Varve.Cli.Transfer;

/// <summary>One JSON object a line, as <c>export</c> writes them. Other fields than its own are an error: they would be lost.</summary>
internal sealed class JsonParser(int valueBytesMax) : RowParser(valueBytesMax)
{
    private const string BrokenPair = "half of a surrogate pair, which no text has";

    private const string Expected = "key or keyBase64, value or valueBase64, expiry, and map";

    /// <summary>Duplicates are ours to find: <see cref="Utf8JsonReader"/> lets them pass.</summary>
    private bool _hasKey;
    private bool _hasValue;
    private bool _hasMap;
    private bool _hasExpiry;

    private readonly ArrayBufferWriter<byte> _expiry = new();

    protected override LineProblem? ParseRow(ReadOnlySpan<byte> line)
    {
        (_hasKey, _hasValue, _hasMap, _hasExpiry) = (false, false, false, false);
        _expiry.ResetWrittenCount();
        if (!Utf8.IsValid(line)) return new LineProblem(FindInvalid(line), "the text is not UTF-8");
        var json = new Utf8JsonReader(line);
        try
        {
            return ParseObject(ref json) ?? CheckComplete(line);
        }
        catch (JsonException wrong)
        {
            // The reader counts bytes within the line; its message repeats that.
            string detail = wrong.Message.Split(" LineNumber:")[0].TrimEnd('.');
            return new LineProblem((int)(wrong.BytePositionInLine ?? json.BytesConsumed), detail);
        }
    }

    private LineProblem? ParseObject(ref Utf8JsonReader json)
    {
        json.Read();
        if (json.TokenType != JsonTokenType.StartObject) return new LineProblem((int)json.TokenStartIndex, "the line is no JSON object");
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            if (ParseField(ref json) is { } problem) return problem;
        }

        // Reads on to find what stands behind the object: that throws.
        json.Read();
        return null;
    }

    private LineProblem? ParseField(ref Utf8JsonReader json)
    {
        int at = (int)json.TokenStartIndex;
        if (json.ValueIsEscaped && !IsText(ref json)) return new LineProblem(at, $"the field's name has {BrokenPair}");
        if (json.ValueTextEquals("key"u8)) return Take(ref json, KeyBuffer, isBase64: false, ref _hasKey, at) ?? CheckKey(at);
        if (json.ValueTextEquals("keyBase64"u8)) return Take(ref json, KeyBuffer, isBase64: true, ref _hasKey, at) ?? CheckKey(at);
        if (json.ValueTextEquals("value"u8)) return Take(ref json, ValueBuffer, isBase64: false, ref _hasValue, at) ?? CheckValue(at);
        if (json.ValueTextEquals("valueBase64"u8)) return Take(ref json, ValueBuffer, isBase64: true, ref _hasValue, at) ?? CheckValue(at);
        if (json.ValueTextEquals("map"u8)) return Take(ref json, MapBuffer, isBase64: false, ref _hasMap, at) ?? CheckMap(at);
        if (json.ValueTextEquals("expiry"u8))
        {
            return Take(ref json, _expiry, isBase64: false, ref _hasExpiry, at)
                ?? TakeExpiry(_expiry.WrittenSpan, (int)json.TokenStartIndex, "the expiry");
        }

        return new LineProblem(at, $"an unknown field; known are {Expected}");
    }

    /// <summary>False where the reader cannot even compare it.</summary>
    private static bool IsText(ref Utf8JsonReader json)
    {
        try
        {
            return json.GetString() is not null;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static LineProblem? Take(ref Utf8JsonReader json, ArrayBufferWriter<byte> output, bool isBase64, ref bool has, int at)
    {
        if (has) return new LineProblem(at, "the field stands there twice");
        has = true;
        json.Read();
        int valueAt = (int)json.TokenStartIndex;
        if (json.TokenType != JsonTokenType.String) return new LineProblem(valueAt, "the field's value is no string");
        Span<byte> room = output.GetSpan(Math.Max(1, json.ValueSpan.Length));
        int length;
        try
        {
            length = json.CopyString(room);
        }
        catch (InvalidOperationException)
        {
            return new LineProblem(valueAt, $"the string has {BrokenPair}");
        }

        if (isBase64 && Base64.DecodeFromUtf8InPlace(room[..length], out length) != OperationStatus.Done)
            return new LineProblem(valueAt, "the string is no base64");
        output.Advance(length);
        return null;
    }

    private LineProblem? CheckMap(int at)
    {
        if (Map.Length is > 0 and <= MapNameBytesMax) return null;
        return new LineProblem(at, $"a map's name has 1 to {MapNameBytesMax} bytes, this one {Map.Length}");
    }

    private LineProblem? CheckComplete(ReadOnlySpan<byte> line)
    {
        if (_hasKey && _hasValue) return null;
        int end = Math.Max(0, line.TrimEnd(" \t\r"u8).Length - 1);
        return new LineProblem(end, $"the {(_hasKey ? "value" : "key")} is missing; fields are {Expected}");
    }

    private static int FindInvalid(ReadOnlySpan<byte> line)
    {
        int position = 0;
        while (System.Text.Rune.DecodeFromUtf8(line[position..], out _, out int length) == OperationStatus.Done) position += length;
        return position;
    }
}
