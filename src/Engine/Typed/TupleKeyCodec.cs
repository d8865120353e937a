using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Varve.Typed;

/// <summary>A key codec, whatever its type: what leads from a tuple's codec to those of its first elements.</summary>
internal interface IKeyHead
{
    /// <summary>The codec of a tuple's elements but the last; null where this is no tuple's codec.</summary>
    IKeyHead? Head { get; }
}

/// <summary>
/// A tuple is its elements one after the other: each so that more can follow, the last as it is. Built up element by element, so that the
/// codec of its first elements is at hand for prefixes.
/// </summary>
/// <typeparam name="THead">The elements but the last: a tuple, or the one element.</typeparam>
/// <typeparam name="TLast">The last element.</typeparam>
/// <typeparam name="TTuple">All of them.</typeparam>
internal sealed class TupleKeyCodec<THead, TLast, TTuple>(
    KeyCodec<THead> head, KeyCodec<TLast> last, Func<TTuple, (THead Head, TLast Last)> split, Func<THead, TLast, TTuple> join)
    : KeyCodec<TTuple>(FixedBytesOf(head, last))
{
    internal override IKeyHead Head => head;

    public override void Write(TTuple key, IBufferWriter<byte> destination)
    {
        (THead Head, TLast Last) elements = split(key);
        if (destination is CodecBuffer own)
        {
            head.WritePart(elements.Head, own);
            last.Write(elements.Last, own);
            return;
        }

        using CodecBuffer buffer = CodecBuffer.Rent();
        head.WritePart(elements.Head, buffer);
        last.Write(elements.Last, buffer);
        destination.Write(buffer.Written);
    }

    public override bool TryRead(ReadOnlySpan<byte> bytes, [MaybeNullWhen(false)] out TTuple key)
    {
        key = default;
        if (!head.TryReadPart(ref bytes, out THead? first) || !last.TryRead(bytes, out TLast? second)) return false;
        key = join(first, second);
        return true;
    }

    internal override void WritePart(TTuple key, CodecBuffer destination)
    {
        (THead Head, TLast Last) elements = split(key);
        head.WritePart(elements.Head, destination);
        last.WritePart(elements.Last, destination);
    }

    internal override bool TryReadPart(ref ReadOnlySpan<byte> bytes, [MaybeNullWhen(false)] out TTuple key)
    {
        key = default;
        if (!head.TryReadPart(ref bytes, out THead? first) || !last.TryReadPart(ref bytes, out TLast? second)) return false;
        key = join(first, second);
        return true;
    }

    private static int FixedBytesOf(KeyCodec<THead> head, KeyCodec<TLast> last) =>
        head.FixedBytes > 0 && last.FixedBytes > 0 ? head.FixedBytes + last.FixedBytes : 0;
}
