using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;

namespace Varve.Sharing;

/// <summary>One frame as it came. Its body is valid until the next one is taken.</summary>
internal readonly record struct Frame(FrameKind Kind, uint Request, ReadOnlyMemory<byte> Body);

/// <summary>
/// Takes frames out of a connection: those that have come are taken one by one, without a wait; then more is waited for. A small frame
/// stays where the pipe has it; a large one is gathered in an array that grows as it comes, whatever length it claims. One at a time.
/// </summary>
internal sealed class FrameReader(PipeReader pipe, int frameBytesMax) : IDisposable
{
    private const int SmallBytesMax = 32 << 10;
    private const int GatherBytesMin = 256 << 10;

    private ReadOnlySequence<byte> _buffered;
    private bool _isHeld;
    private bool _isOver;
    private byte[]? _gathered;
    private int _gatheredBytes;
    private int _wantedBytes;
    private bool _isGiven;

    /// <summary>What a frame may have behind its length.</summary>
    public int FrameBytesMax { get; set; } = frameBytesMax;

    /// <summary>A frame that has come whole; false where there is none.</summary>
    /// <exception cref="InvalidDataException">What has come is no frame.</exception>
    public bool TryTake(out Frame frame)
    {
        frame = default;
        if (_isGiven) ReleaseGathered();
        if (_gathered is null && !TryBegin(out frame)) return false;
        if (_gathered is null) return true;
        Gather();
        if (_gatheredBytes < _wantedBytes) return false;
        _isGiven = true;
        frame = ToFrame(_gathered.AsMemory(0, _wantedBytes));
        return true;
    }

    /// <summary>Waits for more; false where the connection has ended.</summary>
    public async ValueTask<bool> FillAsync(CancellationToken cancellation)
    {
        if (_isOver) return false;
        if (_isHeld) pipe.AdvanceTo(_buffered.Start, _buffered.End);
        _isHeld = false;
        ReadResult read = await pipe.ReadAsync(cancellation).ConfigureAwait(false);
        _buffered = read.Buffer;
        _isHeld = true;
        _isOver = read.IsCompleted;
        return !read.IsCanceled && (!_buffered.IsEmpty || !_isOver);
    }

    public void Dispose()
    {
        if (_gathered is not null) ReleaseGathered();
        pipe.Complete();
    }

    /// <summary>A small frame; or false, and a large one is being gathered where it has begun.</summary>
    private bool TryBegin(out Frame frame)
    {
        frame = default;
        if (_buffered.Length < SharingProtocol.LengthBytes) return false;
        Span<byte> length = stackalloc byte[SharingProtocol.LengthBytes];
        _buffered.Slice(0, SharingProtocol.LengthBytes).CopyTo(length);
        uint bytes = BinaryPrimitives.ReadUInt32LittleEndian(length);
        if (bytes < SharingProtocol.KindAndRequestBytes || bytes > (uint)FrameBytesMax)
            throw new InvalidDataException($"A frame of {bytes:N0} bytes: it may have {FrameBytesMax:N0}.");
        bool isWhole = _buffered.Length - SharingProtocol.LengthBytes >= bytes;
        if (!isWhole && bytes <= SmallBytesMax) return false;
        ReadOnlySequence<byte> rest = _buffered.Slice(SharingProtocol.LengthBytes);
        if (isWhole && rest.FirstSpan.Length >= bytes)
        {
            frame = ToFrame(rest.First[..(int)bytes]);
            _buffered = rest.Slice(bytes);
            return true;
        }

        _wantedBytes = (int)bytes;
        _gatheredBytes = 0;
        _gathered = ArrayPool<byte>.Shared.Rent(Math.Min(_wantedBytes, GatherBytesMin));
        _buffered = rest;
        return true;
    }

    private void Gather()
    {
        int bytes = (int)Math.Min(_buffered.Length, _wantedBytes - _gatheredBytes);
        if (bytes > _gathered!.Length - _gatheredBytes)
        {
            long size = Math.Max((long)_gatheredBytes + bytes, 2L * _gathered.Length);
            byte[] larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(size, _wantedBytes));
            _gathered.AsSpan(0, _gatheredBytes).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_gathered);
            _gathered = larger;
        }

        _buffered.Slice(0, bytes).CopyTo(_gathered.AsSpan(_gatheredBytes));
        _gatheredBytes += bytes;
        _buffered = _buffered.Slice(bytes);
    }

    private void ReleaseGathered()
    {
        ArrayPool<byte>.Shared.Return(_gathered!);
        _gathered = null;
        _isGiven = false;
    }

    private static Frame ToFrame(ReadOnlyMemory<byte> bytes) => new(
        (FrameKind)bytes.Span[0],
        BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span[1..]),
        bytes[SharingProtocol.KindAndRequestBytes..]);
}
