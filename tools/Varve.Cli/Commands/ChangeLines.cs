using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Varve.Cli.Output;

namespace Varve.Cli.Commands;

// text: sequence kind [map [key [value | end key | last key [expiry]]]], separated by tabs

/// <summary>Writes changes one a line.</summary>
internal sealed class ChangeLines(Terminal terminal, bool isJson) : IDisposable
{
    private readonly LineBuffer _lines = new(terminal);

    public void Write(ulong sequence, Change change)
    {
        if (isJson) WriteJson(sequence, change);
        else WriteText(sequence, change);
        _lines.EndLine();
    }

    /// <summary>The last line: where the next run may go on.</summary>
    public void WriteEnd(ulong position)
    {
        if (isJson)
        {
            Utf8JsonWriter json = BeginObject(position, "end");
            json.WriteEndObject();
        }
        else
        {
            Begin(position, "end");
        }

        _lines.EndLine();
        _lines.Flush();
    }

    public void Dispose() => _lines.Dispose();

    private static string NameOf(ChangeKind kind) => kind switch
    {
        ChangeKind.Put => "put",
        ChangeKind.Delete => "delete",
        ChangeKind.DeleteRange => "delete-range",
        ChangeKind.DropMap => "drop",
        ChangeKind.Ingest => "ingest",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "A kind of change that has no name."),
    };

    private static bool HasEndKey(Change change) => change.Kind is ChangeKind.DeleteRange or ChangeKind.Ingest;

    private Utf8JsonWriter BeginObject(ulong sequence, string kind)
    {
        Utf8JsonWriter json = _lines.BeginJson();
        json.WriteStartObject();
        json.WriteNumber("sequence", sequence);
        json.WriteString("kind", kind);
        return json;
    }

    private void WriteJson(ulong sequence, Change change)
    {
        Utf8JsonWriter json = BeginObject(sequence, NameOf(change.Kind));
        json.WriteString("map", change.MapName);
        if (change.Kind != ChangeKind.DropMap) ByteText.WriteField(json, "key", change.Key.Span);
        if (HasEndKey(change)) ByteText.WriteField(json, "endKey", change.EndKey.Span);
        if (change.Kind == ChangeKind.Put) ByteText.WriteField(json, "value", change.Value.Span);
        EntryLines.WriteExpiry(json, change.Expiry);
        json.WriteEndObject();
    }

    private void Begin(ulong sequence, string kind) =>
        _lines.Bytes.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{sequence}\t{kind}")));

    private void WriteText(ulong sequence, Change change)
    {
        Begin(sequence, NameOf(change.Kind));
        AppendField(Encoding.UTF8.GetBytes(change.MapName));
        if (change.Kind != ChangeKind.DropMap) AppendField(change.Key.Span);
        if (HasEndKey(change)) AppendField(change.EndKey.Span);
        if (change.Kind == ChangeKind.Put) AppendField(change.Value.Span);
        EntryLines.AppendExpiry(_lines.Bytes, change.Expiry);
    }

    private void AppendField(ReadOnlySpan<byte> bytes)
    {
        _lines.Bytes.Write("\t"u8);
        ByteText.AppendEscaped(_lines.Bytes, bytes);
    }
}
