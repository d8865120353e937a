using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Varve.Cli.Output;

namespace Varve.Cli.Commands;

/// <summary>How entries are printed, one a line.</summary>
internal enum EntryFormat
{
    Text,
    Json,
    Hex,
}

/// <summary>Writes entries one a line, in pieces as large as a pipe takes.</summary>
internal sealed class EntryLines(Terminal terminal, EntryFormat format, bool keysOnly) : IDisposable
{
    /// <summary>One object a line, readable text left as it is.</summary>
    public static readonly JsonWriterOptions JsonOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private const int PieceBytes = 64 << 10;

    private readonly ArrayBufferWriter<byte> _buffer = new(PieceBytes);
    private Utf8JsonWriter? _json;

    public static void WriteJson(Utf8JsonWriter json, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, bool keysOnly)
    {
        json.WriteStartObject();
        ByteText.WriteField(json, "key", key);
        if (!keysOnly) ByteText.WriteField(json, "value", value);
        json.WriteEndObject();
    }

    /// <summary>A row that says which map it is from, unless that is null.</summary>
    public static void WriteJson(Utf8JsonWriter json, byte[]? map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        json.WriteStartObject();
        if (map is not null) json.WriteString("map", map);
        ByteText.WriteField(json, "key", key);
        ByteText.WriteField(json, "value", value);
        json.WriteEndObject();
    }

    public void Write(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        switch (format)
        {
            case EntryFormat.Json:
                _json ??= new Utf8JsonWriter(_buffer, JsonOptions);
                _json.Reset(_buffer);
                WriteJson(_json, key, value, keysOnly);
                _json.Flush();
                break;
            case EntryFormat.Hex:
                ByteText.AppendHex(_buffer, key);
                if (keysOnly) break;
                _buffer.Write("\t"u8);
                ByteText.AppendHex(_buffer, value);
                break;
            default:
                ByteText.AppendEscaped(_buffer, key);
                if (keysOnly) break;
                _buffer.Write("\t"u8);
                ByteText.AppendEscaped(_buffer, value);
                break;
        }

        _buffer.Write("\n"u8);
        if (_buffer.WrittenCount >= PieceBytes) Flush();
    }

    public void Flush()
    {
        terminal.Write(_buffer.WrittenSpan);
        _buffer.ResetWrittenCount();
    }

    public void Dispose() => _json?.Dispose();
}
