using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Varve.Cli.Commands;
using Varve.Cli.Output;

namespace Varve.Cli.Transfer;

/// <summary>Writes the entries of maps as rows.</summary>
internal sealed class Exporter : IDisposable
{
    private const int PieceBytes = 256 << 10;
    private const int CancellationCheckMask = 0x3FF;
    private const long ViewEntries = 8 << 10;

    private readonly PipeWriter _pipe;
    private readonly RowFormat _format;
    private readonly Action<ProgressView> _show;
    private readonly Utf8JsonWriter? _json;

    public Exporter(Stream output, RowFormat format, Action<ProgressView> show)
    {
        _pipe = PipeWriter.Create(output, new StreamPipeWriterOptions(minimumBufferSize: PieceBytes, leaveOpen: true));
        _format = format;
        _show = show;
        if (format == RowFormat.NdJson) _json = new Utf8JsonWriter(_pipe, LineBuffer.JsonOptions);
    }

    public long Entries { get; private set; }

    public long Bytes { get; private set; }

    /// <param name="map">Whose entries.</param>
    /// <param name="range">Which of them.</param>
    /// <param name="namesMap">Whether each row names its map.</param>
    /// <param name="cancellation">Ends it behind a row.</param>
    public void Write(SortedMap map, KeyBounds range, bool namesMap, CancellationToken cancellation)
    {
        if (range.IsEmpty) return;
        byte[]? name = namesMap ? Encoding.UTF8.GetBytes(map.Name) : null;
        foreach (Entry entry in map.Range(range.Start, range.End))
        {
            if ((Entries & CancellationCheckMask) == 0) cancellation.ThrowIfCancellationRequested();
            WriteRow(name, entry);
            Entries++;
            if (_pipe.UnflushedBytes >= PieceBytes) Flush(cancellation);
            if (Entries % ViewEntries == 0) _show(new ProgressView(null, $"exporting {Figures.Count(Entries, "entry", "entries")}"));
        }
    }

    /// <summary>Hands on what is still here.</summary>
    public void Complete()
    {
        Flush(CancellationToken.None);
        _pipe.Complete();
    }

    public void Dispose()
    {
        // Not completed, it throws away what has not been handed on: nobody wants the end of an export that failed.
        _json?.Dispose();
    }

    private void WriteRow(byte[]? map, Entry entry)
    {
        if (_json is null)
        {
            ByteText.AppendEscaped(_pipe, entry.Key);
            _pipe.Write("\t"u8);
            ByteText.AppendEscaped(_pipe, entry.Value);
            EntryLines.AppendExpiry(_pipe, entry.Expiry);
        }
        else
        {
            _json.Reset(_pipe);
            EntryLines.WriteJson(_json, map, entry.Key, entry.Value, entry.Expiry);
            _json.Flush();
        }

        _pipe.Write("\n"u8);
    }

    private void Flush(CancellationToken cancellation)
    {
        Bytes += _pipe.UnflushedBytes;
        _pipe.FlushAsync(cancellation).AsTask().GetAwaiter().GetResult();
    }
}
