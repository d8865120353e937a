using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Varve.Cli.Commands;

namespace Varve.Cli.Output;

/// <summary>Frames and entries of inspected files, one a line.</summary>
internal sealed class InspectionLines(Terminal terminal, bool isJson) : IDisposable
{
    private readonly LineBuffer _lines = new(terminal);

    public void Write(InspectedEntry entry)
    {
        string kind = NameOf(entry.Kind);
        if (isJson)
        {
            Utf8JsonWriter json = _lines.BeginJson();
            json.WriteStartObject();
            json.WriteNumber("mapId", entry.MapId);
            json.WriteNumber("sequence", entry.Sequence);
            json.WriteString("kind", kind);
            ByteText.WriteField(json, "key", entry.Key);
            ByteText.WriteField(json, "value", entry.Value);
            EntryLines.WriteExpiry(json, entry.Expiry);
            json.WriteEndObject();
        }
        else
        {
            Append(string.Create(CultureInfo.InvariantCulture, $"{entry.MapId}\t{entry.Sequence}\t{kind}\t"));
            ByteText.AppendEscaped(_lines.Bytes, entry.Key);
            _lines.Bytes.Write("\t"u8);
            ByteText.AppendEscaped(_lines.Bytes, entry.Value);
            EntryLines.AppendExpiry(_lines.Bytes, entry.Expiry);
        }

        _lines.EndLine();
    }

    public void Write(LogFrameInspection frame)
    {
        if (isJson)
        {
            Utf8JsonWriter json = _lines.BeginJson();
            json.WriteStartObject();
            json.WriteNumber("offset", frame.Offset);
            json.WriteString("kind", frame.Kind.ToString().ToLowerInvariant());
            json.WriteNumber("payloadBytes", frame.PayloadBytes);
            json.WriteNumber("firstSequence", frame.FirstSequence);
            json.WriteNumber("sequenceCount", frame.SequenceCount);
            json.WriteNumber("durableMark", frame.DurableMark);
            json.WriteEndObject();
        }
        else
        {
            string what = frame.Kind.ToString().ToLowerInvariant();
            string sequences = string.Create(CultureInfo.InvariantCulture, $"from {frame.FirstSequence}, {frame.SequenceCount} of them");
            Append(string.Create(
                CultureInfo.InvariantCulture,
                $"{frame.Offset}\t{what}\t{frame.PayloadBytes} bytes\t{sequences}\tdurable to {frame.DurableMark}"));
        }

        _lines.EndLine();
    }

    public void Flush() => _lines.Flush();

    public void Dispose() => _lines.Dispose();

    private static string NameOf(byte kind) => kind switch
    {
        0 => "delete",
        1 => "put",
        2 => "delete-range",
        3 => "ingest",
        _ => $"kind {kind:x2}",
    };

    private void Append(string text) => _lines.Bytes.Write(Encoding.UTF8.GetBytes(text));
}
