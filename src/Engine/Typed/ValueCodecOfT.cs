using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Varve.Typed;

namespace Varve;

/// <summary>Turns values into bytes and back.</summary>
/// <typeparam name="T">The values' type.</typeparam>
/// <remarks>
/// The built-in ones come from <see cref="ValueCodec"/>. One of your own overrides two methods and must be safe for concurrent use. The
/// bytes are the format on disk: a codec must go on reading what it wrote.
/// </remarks>
public abstract class ValueCodec<T>
{
    /// <summary>Appends a value's bytes.</summary>
    /// <param name="value">The value.</param>
    /// <param name="destination">Takes the bytes; not to be kept.</param>
    /// <exception cref="ArgumentException">The value has no form in bytes.</exception>
    public abstract void Write(T value, IBufferWriter<byte> destination);

    /// <summary>Reads a value from all of the bytes; false, never an exception, where they are no value.</summary>
    /// <param name="bytes">Any bytes.</param>
    /// <param name="value">The value.</param>
    public abstract bool TryRead(ReadOnlySpan<byte> bytes, [MaybeNullWhen(false)] out T value);

    /// <summary>The codec of a type that stands for a <typeparamref name="T"/>.</summary>
    /// <typeparam name="TOther">The new codec's type.</typeparam>
    /// <param name="toStored">What is stored.</param>
    /// <param name="fromStored">
    /// The way back. <see cref="ArgumentException"/>, <see cref="FormatException"/> and <see cref="OverflowException"/> from it mean that
    /// what is stored is no value.
    /// </param>
    public ValueCodec<TOther> Convert<TOther>(Func<TOther, T> toStored, Func<T, TOther> fromStored)
    {
        ArgumentNullException.ThrowIfNull(toStored);
        ArgumentNullException.ThrowIfNull(fromStored);
        return new ConvertedValueCodec<TOther, T>(this, toStored, Conversion.Of(fromStored));
    }

    /// <summary>What is wrong with bytes that <see cref="TryRead"/> refused, for the exception's text.</summary>
    internal virtual string Explain(ReadOnlySpan<byte> bytes) => $"{bytes.Length:N0} bytes that are no {typeof(T)}";
}
