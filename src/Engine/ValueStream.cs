using Varve.Reading;
using Varve.Tables;

namespace Varve;

/// <summary>
/// A value as a stream: one that a table stores apart from its key is read in pieces of 64 KiB, each checked before a byte of it is given.
/// Keeps the memtables and tables of its moment until it is disposed.
/// </summary>
internal sealed unsafe class ValueStream : Stream
{
    private readonly Database _database;
    private readonly SeparateValueReader? _separate;
    private readonly byte[]? _inline;
    private readonly int _valueBytes;
    private byte* _memory;
    private ReadView? _view;
    private byte[]? _piece;
    private int _pieceStart = -1;
    private int _position;

    /// <param name="database">Must be open for reading on.</param>
    /// <param name="view">A pin of the stream's own; taken over.</param>
    /// <param name="found">Of the view.</param>
    public ValueStream(Database database, ReadView view, in FoundEntry found)
    {
        _database = database;
        _view = view;
        _valueBytes = found.Length;
        _separate = found.OpenSeparate();
        if (_separate is not null) return;
        _memory = found.MemoryAddress;
        if (_memory != null) return;
        _inline = new byte[_valueBytes];
        found.CopyTo(_inline);
    }

    public override bool CanRead => _view is not null;

    public override bool CanSeek => _view is not null;

    public override bool CanWrite => false;

    public override long Length => _valueBytes;

    public override long Position
    {
        get => _position;
        set => Seek(value, SeekOrigin.Begin);
    }

    public override int Read(Span<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(_view is null, this);
        _database.ThrowIfClosed();
        int length = Math.Min(buffer.Length, _valueBytes - Math.Min(_position, _valueBytes));
        if (length == 0) return 0;
        ReadOnlySpan<byte> source = At(_position);
        if (source.Length > length) source = source[..length];
        source.CopyTo(buffer);
        _position += source.Length;
        return source.Length;
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        return Read(buffer.AsSpan(offset, count));
    }

    public override int ReadByte()
    {
        Span<byte> one = stackalloc byte[1];
        return Read(one) == 0 ? -1 : one[0];
    }

    public override long Seek(long offset, SeekOrigin origin)
    {
        ObjectDisposedException.ThrowIf(_view is null, this);
        long target = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => _position + offset,
            SeekOrigin.End => _valueBytes + offset,
            _ => throw new ArgumentOutOfRangeException(nameof(origin), origin, "No such origin."),
        };
        if (target < 0 || target > int.MaxValue) throw new IOException($"Position {target:N0} is no position of a value.");
        _position = (int)target;
        return target;
    }

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException("A value is read only.");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("A value is read only.");

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (Interlocked.Exchange(ref _view, null) is not { } view) return;
        _memory = null;
        _piece = null;
        if (disposing) view.Release();
    }

    private ReadOnlySpan<byte> At(int position)
    {
        if (_inline is not null) return _inline.AsSpan(position);

        // SAFETY: the caller has checked the position against the value's length, and the view keeps the memtable.
        if (_separate is null) return new ReadOnlySpan<byte>(_memory + position, _valueBytes - position);
        _piece ??= new byte[SeparateValue.PieceBytes];
        int start = position / SeparateValue.PieceBytes * SeparateValue.PieceBytes;
        if (start != _pieceStart)
        {
            _pieceStart = -1;
            _separate.ReadPiece(position, _piece);
            _pieceStart = start;
        }

        return _piece.AsSpan(0, Math.Min(SeparateValue.PieceBytes, _valueBytes - start))[(position - start)..];
    }
}
