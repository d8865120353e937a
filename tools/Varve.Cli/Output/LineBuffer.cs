using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Varve.Cli.Output;

/// <summary>Lines on their way to the output, in pieces as large as a pipe takes.</summary>
internal sealed class LineBuffer(Terminal terminal) : IDisposable
{
    /// <summary>Readable text is left as it is.</summary>
    public static readonly JsonWriterOptions JsonOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private const int PieceBytes = 64 << 10;

    private readonly ArrayBufferWriter<byte> _bytes = new(PieceBytes);
    private Utf8JsonWriter? _json;

    public IBufferWriter<byte> Bytes => _bytes;

    /// <summary>For the line's one object.</summary>
    public Utf8JsonWriter BeginJson()
    {
        _json ??= new Utf8JsonWriter(_bytes, JsonOptions);
        _json.Reset(_bytes);
        return _json;
    }

    public void EndLine()
    {
        if (_json is { BytesPending: > 0 }) _json.Flush();
        Bytes.Write("\n"u8);
        if (_bytes.WrittenCount >= PieceBytes) Flush();
    }

    public void Flush()
    {
        terminal.Write(_bytes.WrittenSpan);
        _bytes.ResetWrittenCount();
    }

    public void Dispose() => _json?.Dispose();
}
