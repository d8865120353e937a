using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using Varve.Diagnostics;

namespace Varve.Typed;

/// <summary>Big-endian; of signed integers the sign bit is inverted, so that negative ones sort first.</summary>
internal sealed class IntegerKeyCodec<T>() : KeyCodec<T>(Unsafe.SizeOf<T>())
    where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>
{
    private const byte SignBit = 0x80;

    private static bool IsSigned => T.IsNegative(T.MinValue);

    public override void Write(T key, IBufferWriter<byte> destination)
    {
        Span<byte> bytes = destination.GetSpan(Unsafe.SizeOf<T>());

        // Not WriteBigEndian: numbers inherit that from their interface, and calling it would box them.
        bool isWritten = key.TryWriteBigEndian(bytes, out int written);
        Invariant.Holds(isWritten);
        if (IsSigned) bytes[0] ^= SignBit;
        destination.Advance(written);
    }

    public override bool TryRead(ReadOnlySpan<byte> bytes, out T key)
    {
        key = default;
        if (bytes.Length != Unsafe.SizeOf<T>()) return false;
        Span<byte> copy = stackalloc byte[Unsafe.SizeOf<T>()];
        bytes.CopyTo(copy);
        if (IsSigned) copy[0] ^= SignBit;
        key = T.ReadBigEndian(copy, isUnsigned: !IsSigned);
        return true;
    }
}

/// <summary>In the order of RFC 9562, which is also the order of <see cref="Guid.CompareTo(Guid)"/>.</summary>
internal sealed class GuidKeyCodec() : KeyCodec<Guid>(GuidBytes)
{
    private const int GuidBytes = 16;

    public override void Write(Guid key, IBufferWriter<byte> destination)
    {
        key.TryWriteBytes(destination.GetSpan(GuidBytes), bigEndian: true, out int written);
        destination.Advance(written);
    }

    public override bool TryRead(ReadOnlySpan<byte> bytes, out Guid key)
    {
        bool isGuid = bytes.Length == GuidBytes;
        key = isGuid ? new Guid(bytes, bigEndian: true) : default;
        return isGuid;
    }
}

/// <summary>UTF-8 as it is.</summary>
internal sealed class TextKeyCodec : KeyCodec<string>
{
    public override void Write(string key, IBufferWriter<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(key);
        Utf8Text.Write(key, destination);
    }

    public override bool TryRead(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out string? key) => Utf8Text.TryRead(bytes, out key);
}

/// <summary>Bytes as they are.</summary>
internal sealed class BytesKeyCodec : KeyCodec<byte[]>
{
    public override void Write(byte[] key, IBufferWriter<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(key);
        destination.Write(key);
    }

    public override bool TryRead(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out byte[]? key)
    {
        key = bytes.ToArray();
        return true;
    }
}
