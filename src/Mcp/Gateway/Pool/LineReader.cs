namespace Varve.Mcp.Gateway.Pool;

/// <summary>Lines of a stream, each at most so long: what is beyond is skipped but for its very end. For one thread.</summary>
internal sealed class LineReader(Stream stream, int lineBytesMax)
{
    private const int BufferBytes = 64 << 10;
    private const int TailBytes = 256;

    private byte[] _buffer = new byte[Math.Min(BufferBytes, lineBytesMax)];
    private int _start;
    private int _end;
    private byte[] _tail = [];

    /// <summary>Whether the last line was longer than lines may be.</summary>
    public bool IsCut { get; private set; }

    /// <summary>The last bytes of a line that was cut.</summary>
    public ReadOnlySpan<byte> Tail => _tail;

    /// <summary>
    /// Waits for the next line, and gives it without its end, or its first bytes where it is too long; valid until the next call. False
    /// at the end of the stream; a line that the end cuts short is given all the same.
    /// </summary>
    public bool TryRead(out ReadOnlyMemory<byte> line)
    {
        IsCut = false;
        int searched = _start;
        while (true)
        {
            int length = _buffer.AsSpan(searched, _end - searched).IndexOf((byte)'\n');
            if (length >= 0)
            {
                int end = searched + length;
                line = _buffer.AsMemory(_start, end - _start);
                _start = end + 1;
                return true;
            }
            searched = _end;
            if (_end - _start >= lineBytesMax) return Skip(out line);
            searched -= MakeRoom();
            int read = stream.Read(_buffer, _end, _buffer.Length - _end);
            if (read > 0)
            {
                _end += read;
                continue;
            }
            line = _buffer.AsMemory(_start, _end - _start);
            _start = _end;
            return !line.IsEmpty;
        }
    }

    /// <summary>Room for at least one more byte; returns by how much what there is has moved to the front.</summary>
    private int MakeRoom()
    {
        if (_end < _buffer.Length) return 0;
        int moved = _start;
        byte[] target = _start > 0 ? _buffer : new byte[Math.Min((long)_buffer.Length * 2, lineBytesMax)];
        Buffer.BlockCopy(_buffer, _start, target, 0, _end - _start);
        (_buffer, _start, _end) = (target, 0, _end - moved);
        return moved;
    }

    /// <summary>The line has filled the buffer: its head is kept, of the rest only the tail.</summary>
    private bool Skip(out ReadOnlyMemory<byte> head)
    {
        byte[] kept = _buffer;
        (int headStart, int headEnd) = (_start, _end);
        byte[] piece = new byte[BufferBytes];
        byte[] tail = _buffer.AsSpan(Math.Max(_start, _end - TailBytes), Math.Min(TailBytes, _end - _start)).ToArray();
        head = kept.AsMemory(headStart, headEnd - headStart);
        IsCut = true;
        while (true)
        {
            int read = stream.Read(piece, 0, piece.Length);
            int length = piece.AsSpan(0, read).IndexOf((byte)'\n');
            byte[] all = [.. tail, .. piece.AsSpan(0, length < 0 ? read : length)];
            tail = all[Math.Max(0, all.Length - TailBytes)..];
            if (length < 0 && read > 0) continue;
            _tail = tail;
            // What follows the line begins the next one; the head stays where it is, in a buffer that nobody writes to any more.
            _buffer = new byte[Math.Min(BufferBytes, lineBytesMax)];
            (_start, _end) = (0, 0);
            ReadOnlySpan<byte> rest = length < 0 ? [] : piece.AsSpan(length + 1, read - length - 1);
            if (rest.Length > _buffer.Length) _buffer = new byte[rest.Length];
            rest.CopyTo(_buffer);
            _end = rest.Length;
            return true;
        }
    }
}
