using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Varve.Typed;

/// <summary>Keys that are stored as another type's.</summary>
internal sealed class ConvertedKeyCodec<T, TStored>(
    KeyCodec<TStored> stored, Func<T, TStored> toStored, FromStored<TStored, T> tryFromStored) : KeyCodec<T>(stored.FixedBytes)
{
    public override void Write(T key, IBufferWriter<byte> destination) => stored.Write(toStored(key), destination);

    public override bool TryRead(ReadOnlySpan<byte> bytes, [MaybeNullWhen(false)] out T key)
    {
        key = default;
        return stored.TryRead(bytes, out TStored? value) && tryFromStored(value, out key);
    }

    // Passed on, because a tuple's parts are not the parts of its whole bytes.
    internal override void WritePart(T key, CodecBuffer destination) => stored.WritePart(toStored(key), destination);

    internal override bool TryReadPart(ref ReadOnlySpan<byte> bytes, [MaybeNullWhen(false)] out T key)
    {
        key = default;
        return stored.TryReadPart(ref bytes, out TStored? value) && tryFromStored(value, out key);
    }

    internal override IKeyHead? Head => stored.Head;
}
