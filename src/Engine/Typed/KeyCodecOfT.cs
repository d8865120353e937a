using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Varve.Typed;

namespace Varve;

/// <summary>Turns keys into bytes that sort as the keys do, and back.</summary>
/// <typeparam name="T">The keys' type.</typeparam>
/// <remarks>
/// The built-in ones come from <see cref="KeyCodec"/>. One of your own overrides two methods and must be safe for concurrent use. Its
/// rules: comparing the bytes of two keys as unsigned bytes gives the order that the map shall have, equal keys have equal bytes, and what
/// was written is read back. The bytes are the format on disk: a codec must not change while there are entries that it wrote.
/// </remarks>
public abstract class KeyCodec<T> : IKeyHead
{
    /// <summary>For deriving.</summary>
    /// <param name="fixedBytes">
    /// Bytes of every key; 0 where keys differ in length. The right number saves an element of a tuple its end mark.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">Negative or more than a key may have.</exception>
    protected KeyCodec(int fixedBytes = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(fixedBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(fixedBytes, Limits.KeyBytesMax);
        FixedBytes = fixedBytes;
    }

    /// <summary>Bytes of every key; 0 where keys differ in length.</summary>
    public int FixedBytes { get; }

    /// <summary>Appends a key's bytes.</summary>
    /// <param name="key">The key.</param>
    /// <param name="destination">Takes the bytes; not to be kept.</param>
    /// <exception cref="ArgumentException">The key has no form in bytes: null, or half a surrogate pair in a text.</exception>
    public abstract void Write(T key, IBufferWriter<byte> destination);

    /// <summary>Reads a key from all of the bytes; false, never an exception, where they are no key.</summary>
    /// <param name="bytes">Any bytes.</param>
    /// <param name="key">The key.</param>
    public abstract bool TryRead(ReadOnlySpan<byte> bytes, [MaybeNullWhen(false)] out T key);

    /// <summary>The codec of a type that stands for a <typeparamref name="T"/>, as an order number does for an integer.</summary>
    /// <typeparam name="TOther">The new codec's type.</typeparam>
    /// <param name="toStored">What is stored. The order of the map is the order of its results.</param>
    /// <param name="fromStored">
    /// The way back. <see cref="ArgumentException"/>, <see cref="FormatException"/> and <see cref="OverflowException"/> from it mean that
    /// what is stored is no key.
    /// </param>
    public KeyCodec<TOther> Convert<TOther>(Func<TOther, T> toStored, Func<T, TOther> fromStored)
    {
        ArgumentNullException.ThrowIfNull(toStored);
        ArgumentNullException.ThrowIfNull(fromStored);
        return new ConvertedKeyCodec<TOther, T>(this, toStored, Conversion.Of(fromStored));
    }

    IKeyHead? IKeyHead.Head => Head;

    /// <summary>The codec of a tuple's elements but the last; null where this is no tuple's codec.</summary>
    internal virtual IKeyHead? Head => null;

    /// <summary>Appends a key so that more can follow: as it is where the length is fixed, else escaped and with an end mark.</summary>
    internal virtual void WritePart(T key, CodecBuffer destination)
    {
        int start = destination.Count;
        Write(key, destination);
        if (FixedBytes == 0)
        {
            destination.EndPart(start);
            return;
        }

        if (destination.Count - start == FixedBytes) return;
        throw new InvalidOperationException(
            $"{GetType()} wrote {destination.Count - start} bytes, but promised {FixedBytes} for every key.");
    }

    /// <summary>Reads what <see cref="WritePart"/> wrote from the front of the bytes and moves them behind it.</summary>
    internal virtual bool TryReadPart(ref ReadOnlySpan<byte> bytes, [MaybeNullWhen(false)] out T key)
    {
        if (FixedBytes > 0)
        {
            key = default;
            if (bytes.Length < FixedBytes || !TryRead(bytes[..FixedBytes], out key)) return false;
            bytes = bytes[FixedBytes..];
            return true;
        }

        key = default;
        if (!KeyParts.TryTake(ref bytes, out ReadOnlySpan<byte> escaped, out bool hasEscapes)) return false;
        if (!hasEscapes) return TryRead(escaped, out key);
        using CodecBuffer content = CodecBuffer.Rent();
        KeyParts.Unescape(escaped, content);
        return TryRead(content.Written, out key);
    }
}
