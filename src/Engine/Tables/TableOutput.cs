using Varve.Bytes;
using Varve.Files;

namespace Varve.Tables;

/// <summary>
/// Collects a table's bytes and hands them to the file in large pieces, as the file's alignment asks for; the last piece is padded
/// and the length set afterwards. One thread.
/// </summary>
internal sealed class TableOutput : IDisposable
{
    private const int BufferBytes = 1 << 20;

    private readonly IFile _file;
    private readonly NativeBuffer _buffer;
    private int _bufferedBytes;
    private long _writtenBytes;

    public TableOutput(IFile file)
    {
        _file = file;
        _buffer = new NativeBuffer(BufferBytes, Math.Max(file.WriteAlignment, TableFormat.PageBytes));
    }

    /// <summary>Where the next byte goes.</summary>
    public long Position => _writtenBytes + _bufferedBytes;

    /// <summary>CRC32C of everything handed to the file so far; of the whole file after <see cref="Finish"/>.</summary>
    public uint Checksum { get; private set; }

    public void Write(ReadOnlySpan<byte> source)
    {
        while (!source.IsEmpty)
        {
            int piece = Math.Min(source.Length, BufferBytes - _bufferedBytes);
            source[..piece].CopyTo(_buffer.Span.Slice(_bufferedBytes, piece));
            _bufferedBytes += piece;
            source = source[piece..];
            if (_bufferedBytes == BufferBytes) Drain(BufferBytes);
        }
    }

    /// <summary>Zeroes up to the next multiple of a page.</summary>
    public void PadToPage()
    {
        Span<byte> zeroes = stackalloc byte[TableFormat.PageBytes];
        zeroes.Clear();
        Write(zeroes[..(int)(-Position & (TableFormat.PageBytes - 1))]);
    }

    /// <summary>Writes the rest and makes the file durable; its name is not.</summary>
    public void Finish()
    {
        long fileBytes = Position;
        int alignment = _file.WriteAlignment;
        int paddedBytes = (_bufferedBytes + alignment - 1) / alignment * alignment;
        Checksum = Crc32C.Append(Checksum, _buffer.Span[.._bufferedBytes]);
        _buffer.Span[_bufferedBytes..paddedBytes].Clear();
        if (paddedBytes > 0) _file.Write(_buffer.Span[..paddedBytes], _writtenBytes);
        if (_writtenBytes + paddedBytes != fileBytes) _file.SetLength(fileBytes);
        _writtenBytes = fileBytes;
        _bufferedBytes = 0;
        _file.Sync();
    }

    public void Dispose() => _buffer.Dispose();

    private void Drain(int bytes)
    {
        ReadOnlySpan<byte> piece = _buffer.Span[..bytes];
        _file.Write(piece, _writtenBytes);
        Checksum = Crc32C.Append(Checksum, piece);
        _writtenBytes += bytes;
        _bufferedBytes = 0;
    }
}
