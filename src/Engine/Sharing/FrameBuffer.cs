using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Varve.Bytes;

namespace Varve.Sharing;

/// <summary>Frames one behind the other, in an array that grows. Not safe for concurrent use.</summary>
internal sealed class FrameBuffer
{
    /// <summary>Refuses half a surrogate pair, so that two texts never have the same bytes.</summary>
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private const int BytesMin = 4 << 10;
    private const int KeptBytesMax = 1 << 20;

    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(BytesMin);

    public int Length { get; private set; }

    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, Length);

    /// <summary>Begins a frame; returns where.</summary>
    public int Begin(FrameKind kind, uint request)
    {
        int start = Length;
        Span<byte> header = Take(SharingProtocol.HeaderBytes);
        header[SharingProtocol.LengthBytes] = (byte)kind;
        BinaryPrimitives.WriteUInt32LittleEndian(header[(SharingProtocol.LengthBytes + 1)..], request);
        return start;
    }

    /// <summary>Ends the frame that began there; returns the bytes that follow its length.</summary>
    public int End(int start)
    {
        int bytes = Length - start - SharingProtocol.LengthBytes;
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(start), (uint)bytes);
        return bytes;
    }

    /// <summary>Forgets what was written from there on.</summary>
    public void Cut(int start) => Length = start;

    /// <summary>Forgets everything; a large array goes back.</summary>
    public void Clear()
    {
        Length = 0;
        if (_bytes.Length <= KeptBytesMax) return;
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = ArrayPool<byte>.Shared.Rent(BytesMin);
    }

    public void Byte(byte value) => Take(1)[0] = value;

    public void Flag(bool value) => Byte(value ? (byte)1 : (byte)0);

    public void UInt32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Take(sizeof(uint)), value);

    public void Number(ulong value) => Varint.Write(Take(Varint.Size(value)), value);

    public void Number(int value) => Number((ulong)(uint)value);

    public void Id(Guid id) => id.TryWriteBytes(Take(BodyReader.IdBytes), bigEndian: true, out _);

    /// <exception cref="ArgumentException">The text holds half a surrogate pair.</exception>
    public void Text(string text)
    {
        int bytes;
        try
        {
            bytes = Utf8.GetByteCount(text);
        }
        catch (EncoderFallbackException)
        {
            // As the database says it of the name of a map, which is all that a caller can give.
            throw new ArgumentException("The map name is no valid text: it holds half a surrogate pair.", "name");
        }

        Number(bytes);
        Utf8.GetBytes(text, Take(bytes));
    }

    public void Prefixed(ReadOnlySpan<byte> bytes)
    {
        Number(bytes.Length);
        Rest(bytes);
    }

    public void Rest(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    private Span<byte> Take(int bytes)
    {
        if (bytes > _bytes.Length - Length) Grow(bytes);
        Span<byte> taken = _bytes.AsSpan(Length, bytes);
        Length += bytes;
        return taken;
    }

    private void Grow(int bytes)
    {
        long needed = (long)Length + bytes;
        if (needed > Array.MaxLength) throw new ArgumentException($"A request of {needed:N0} bytes is too large to be sent.");
        byte[] larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(Array.MaxLength, Math.Max(needed, 2L * _bytes.Length)));
        _bytes.AsSpan(0, Length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = larger;
    }
}
