using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Varve.Cli.Commands;

namespace Varve.Cli.Output;

/// <summary>Frames and entries of inspected files, one a line.</summary>
internal sealed class InspectionLines : IDisposable
{
    private const int PieceBytes = 64 << 10;

    private readonly Terminal _terminal;
    private readonly ArrayBufferWriter<byte> _buffer = new(PieceBytes);
    private readonly Utf8JsonWriter? _json;

    public InspectionLines(Terminal terminal, bool isJson)
    {
        _terminal = terminal;
        if (isJson) _json = new Utf8JsonWriter(_buffer, EntryLines.JsonOptions);
    }

    public void Write(InspectedEntry entry)
    {
        string kind = NameOf(entry.Kind);
        if (_json is not null)
        {
            _json.Reset(_buffer);
            _json.WriteStartObject();
            _json.WriteNumber("mapId", entry.MapId);
            _json.WriteNumber("sequence", entry.Sequence);
            _json.WriteString("kind", kind);
            ByteText.WriteField(_json, "key", entry.Key);
            ByteText.WriteField(_json, "value", entry.Value);
            _json.WriteEndObject();
            _json.Flush();
        }
        else
        {
            Append(string.Create(CultureInfo.InvariantCulture, $"{entry.MapId}\t{entry.Sequence}\t{kind}\t"));
            ByteText.AppendEscaped(_buffer, entry.Key);
            _buffer.Write("\t"u8);
            ByteText.AppendEscaped(_buffer, entry.Value);
        }

        EndLine();
    }

    public void Write(LogFrameInspection frame)
    {
        if (_json is not null)
        {
            _json.Reset(_buffer);
            _json.WriteStartObject();
            _json.WriteNumber("offset", frame.Offset);
            _json.WriteString("kind", frame.Kind.ToString().ToLowerInvariant());
            _json.WriteNumber("payloadBytes", frame.PayloadBytes);
            _json.WriteNumber("firstSequence", frame.FirstSequence);
            _json.WriteNumber("sequenceCount", frame.SequenceCount);
            _json.WriteNumber("durableMark", frame.DurableMark);
            _json.WriteEndObject();
            _json.Flush();
        }
        else
        {
            string what = frame.Kind.ToString().ToLowerInvariant();
            string sequences = string.Create(CultureInfo.InvariantCulture, $"from {frame.FirstSequence}, {frame.SequenceCount} of them");
            Append(string.Create(
                CultureInfo.InvariantCulture,
                $"{frame.Offset}\t{what}\t{frame.PayloadBytes} bytes\t{sequences}\tdurable to {frame.DurableMark}"));
        }

        EndLine();
    }

    public void Flush()
    {
        _terminal.Write(_buffer.WrittenSpan);
        _buffer.ResetWrittenCount();
    }

    public void Dispose() => _json?.Dispose();

    private static string NameOf(byte kind) => kind switch
    {
        0 => "delete",
        1 => "put",
        _ => $"kind {kind:x2}",
    };

    private void Append(string text) => _buffer.Write(Encoding.UTF8.GetBytes(text));

    private void EndLine()
    {
        _buffer.Write("\n"u8);
        if (_buffer.WrittenCount >= PieceBytes) Flush();
    }
}
