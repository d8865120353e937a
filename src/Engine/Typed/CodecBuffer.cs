using System.Buffers;

namespace Varve.Typed;

/// <summary>Bytes that a codec writes, or a value that is read. Rented for one operation, kept by the thread for the next.</summary>
internal sealed class CodecBuffer : IBufferWriter<byte>, IDisposable
{
    private const int FirstBytes = 1 << 10;
    private const int KeptBytesMax = 64 << 10;

    /// <summary>An operation uses two; more are in use only where a codec itself uses a typed map.</summary>
    private const int KeptBuffersMax = 4;

    [ThreadStatic]
    private static CodecBuffer? t_spares;

    private byte[] _bytes = [];
    private CodecBuffer? _nextSpare;
    private int _spareCount;

    public int Count { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Count);

    public static CodecBuffer Rent()
    {
        if (t_spares is not { } buffer) return new CodecBuffer();
        t_spares = buffer._nextSpare;
        buffer._nextSpare = null;
        return buffer;
    }

    public void Dispose()
    {
        Count = 0;
        if (_bytes.Length > KeptBytesMax)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = [];
        }

        int below = t_spares?._spareCount ?? 0;
        if (below >= KeptBuffersMax) return;
        _spareCount = below + 1;
        _nextSpare = t_spares;
        t_spares = this;
    }

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _bytes.Length - Count);
        Count += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsMemory(Count);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsSpan(Count);
    }

    /// <summary>
    /// Escapes what was written from <paramref name="start"/> on and ends it, so that more can follow: see <see cref="KeyParts"/>.
    /// </summary>
    public void EndPart(int start)
    {
        int contentBytes = Count - start;
        int zeros = _bytes.AsSpan(start, contentBytes).Count((byte)0);
        int partBytes = KeyParts.EncodedBytes(contentBytes, zeros);
        Reserve(partBytes - contentBytes);
        KeyParts.EscapeInPlace(_bytes.AsSpan(start, partBytes), contentBytes);
        Count = start + partBytes;
    }

    private void Reserve(int sizeHint)
    {
        int wanted = Math.Max(sizeHint, 1);
        if (wanted <= _bytes.Length - Count) return;
        long needed = Count + (long)wanted;
        if (needed > Array.MaxLength) throw new ArgumentException($"A key or value of {needed:N0} bytes and more cannot be encoded.");
        long grown = Math.Max(Math.Max(needed, FirstBytes), Math.Min(2L * _bytes.Length, Array.MaxLength));
        byte[] bytes = ArrayPool<byte>.Shared.Rent((int)grown);
        Written.CopyTo(bytes);
        if (_bytes.Length > 0) ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = bytes;
    }
}
