using System.Buffers;
using System.Text;
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

/// <summary>Writes entries one a line.</summary>
internal sealed class EntryLines(Terminal terminal, EntryFormat format, bool keysOnly) : IDisposable
{
    private readonly LineBuffer _lines = new(terminal);

    /// <summary>An object without the value, or the whole row, which says which map it is from unless that is null.</summary>
    public static void WriteJson(
        Utf8JsonWriter json, byte[]? map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset? expiry, bool keysOnly = false)
    {
        json.WriteStartObject();
        if (map is not null) json.WriteString("map", map);
        ByteText.WriteField(json, "key", key);
        if (!keysOnly) ByteText.WriteField(json, "value", value);
        WriteExpiry(json, expiry);
        json.WriteEndObject();
    }

    /// <summary>A field of its own; nothing where the entry never expires.</summary>
    public static void WriteExpiry(Utf8JsonWriter json, DateTimeOffset? expiry)
    {
        if (expiry is { } moment) json.WriteString("expiry", Moments.Format(moment));
    }

    /// <summary>A column of its own; nothing where the entry never expires.</summary>
    public static void AppendExpiry(IBufferWriter<byte> output, DateTimeOffset? expiry)
    {
        if (expiry is not { } moment) return;
        output.Write("\t"u8);
        output.Write(Encoding.ASCII.GetBytes(Moments.Format(moment)));
    }

    /// <param name="key">The key.</param>
    /// <param name="value">Not looked at for keys only.</param>
    /// <param name="expiry">Null to say nothing about it.</param>
    public void Write(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset? expiry)
    {
        if (format == EntryFormat.Json)
        {
            WriteJson(_lines.BeginJson(), map: null, key, value, expiry, keysOnly);
        }
        else
        {
            Append(key);
            if (!keysOnly)
            {
                _lines.Bytes.Write("\t"u8);
                Append(value);
            }

            AppendExpiry(_lines.Bytes, expiry);
        }

        _lines.EndLine();
    }

    public void Flush() => _lines.Flush();

    public void Dispose() => _lines.Dispose();

    private void Append(ReadOnlySpan<byte> bytes)
    {
        if (format == EntryFormat.Hex) ByteText.AppendHex(_lines.Bytes, bytes);
        else ByteText.AppendEscaped(_lines.Bytes, bytes);
    }
}
