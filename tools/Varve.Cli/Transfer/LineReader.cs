using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text;

namespace Varve.Cli.Transfer;

/// <summary>
/// Lines of a stream, with their number and the bytes up to them. Where asked to, it also keeps a checksum of all bytes up to the last
/// line, so that a later run can tell whether it reads the same again.
/// </summary>
internal sealed class LineReader : IDisposable
{
    private const int PieceBytes = 128 << 10;

    private readonly PipeReader _pipe;
    private readonly IncrementalHash? _hash;
    private readonly long _lineBytesMax;
    private byte[] _joined = [];

    /// <summary>What was read and not yet given back: the lines taken, and behind them the rest.</summary>
    private ReadOnlySequence<byte> _rest = ReadOnlySequence<byte>.Empty;
    private ReadOnlySequence<byte> _restBefore = ReadOnlySequence<byte>.Empty;
    private ReadOnlySequence<byte> _notHashed = ReadOnlySequence<byte>.Empty;

    /// <summary>Bytes at the beginning of the rest in which there is no line end.</summary>
    private long _searchedBytes;
    private long _positionBefore;
    private bool _isEnd;
    private bool _hasBuffer;
    private bool _isReading;

    public LineReader(Stream stream, long lineBytesMax, bool hashes)
    {
        _pipe = PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: PieceBytes, leaveOpen: true));
        _lineBytesMax = lineBytesMax;
        if (hashes) _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    }

    /// <summary>Bytes of all lines taken, line ends included.</summary>
    public long Position { get; private set; }

    /// <summary>1 for the first; of the line taken last.</summary>
    public long LineNumber { get; private set; }

    /// <summary>Reads on; false at the end of the stream. Does not wait for a stream that says nothing once it is canceled.</summary>
    public async Task<bool> ReadAsync(CancellationToken cancellation)
    {
        if (_isEnd) return false;
        if (_hasBuffer) GiveBack();
        _isReading = true;
        ReadResult read = await _pipe.ReadAsync(CancellationToken.None).AsTask().WaitAsync(cancellation).ConfigureAwait(false);
        (_isReading, _hasBuffer) = (false, true);
        _rest = _notHashed = read.Buffer;
        _isEnd = read.IsCompleted;
        return true;
    }

    /// <summary>
    /// The next line without its end; valid until the next call of a method. False when there is no whole one left:
    /// <see cref="ReadAsync"/> goes on.
    /// </summary>
    public bool TryTake(out ReadOnlySpan<byte> line)
    {
        SequencePosition? found = _rest.Slice(_searchedBytes).PositionOf((byte)'\n');
        long lineBytes;
        if (found is { } lineEnd) lineBytes = _rest.Slice(0, lineEnd).Length;
        else if (_isEnd && !_rest.IsEmpty) lineBytes = _rest.Length;
        else
        {
            _searchedBytes = _rest.Length;
            line = default;
            return false;
        }

        (_restBefore, _positionBefore) = (_rest, Position);
        ReadOnlySequence<byte> whole = _rest.Slice(0, lineBytes);
        line = whole.IsSingleSegment ? whole.FirstSpan : Join(whole);
        _rest = _rest.Slice(lineBytes + (found is null ? 0 : 1));
        _searchedBytes = 0;
        bool isFirst = Position == 0;
        Position += lineBytes + (found is null ? 0 : 1);
        LineNumber++;
        if (isFirst && line.StartsWith(Encoding.UTF8.Preamble)) line = line[Encoding.UTF8.Preamble.Length..];
        if (line.EndsWith((byte)'\r')) line = line[..^1];
        return true;
    }

    /// <summary>Undoes the last <see cref="TryTake"/>, once.</summary>
    public void TakeBack()
    {
        (_rest, Position) = (_restBefore, _positionBefore);
        LineNumber--;
    }

    /// <summary>True when what was read of a line is longer than any that could be right.</summary>
    public bool IsLineTooLong => _searchedBytes > _lineBytesMax;

    /// <summary>The checksum of the bytes up to <see cref="Position"/>.</summary>
    public string GetHash()
    {
        HashTaken();
        return Convert.ToHexStringLower(_hash!.GetCurrentHash());
    }

    /// <summary>Goes on behind what an earlier run has taken, if it is the same; else the reader is of no more use.</summary>
    public async Task<bool> TrySkipAsync(long bytes, long lines, string hash, CancellationToken cancellation)
    {
        LineNumber = lines;
        while (Position < bytes)
        {
            if (!await ReadAsync(cancellation).ConfigureAwait(false)) return false;
            long skipped = Math.Min(_rest.Length, bytes - Position);
            _rest = _rest.Slice(skipped);
            Position += skipped;
        }

        return GetHash() == hash;
    }

    public void Dispose()
    {
        // A read that a cancellation has left alone still has the buffers; the process ends soon.
        if (!_isReading) _pipe.Complete();
        _hash?.Dispose();
    }

    private void GiveBack()
    {
        HashTaken();
        _pipe.AdvanceTo(_rest.Start, _rest.End);

        // The next read gives the rest once more. If there is none, nobody may look at what the pipe has taken back.
        _rest = _restBefore = _notHashed = ReadOnlySequence<byte>.Empty;
        _hasBuffer = false;
    }

    private void HashTaken()
    {
        if (_hash is null || !_hasBuffer) return;
        foreach (ReadOnlyMemory<byte> piece in _notHashed.Slice(0, _rest.Start)) _hash.AppendData(piece.Span);
        _notHashed = _rest;
    }

    private ReadOnlySpan<byte> Join(ReadOnlySequence<byte> line)
    {
        int length = checked((int)line.Length);
        if (_joined.Length < length) _joined = GC.AllocateUninitializedArray<byte>(Math.Max(length, PieceBytes));
        line.CopyTo(_joined);
        return _joined.AsSpan(0, length);
    }
}
