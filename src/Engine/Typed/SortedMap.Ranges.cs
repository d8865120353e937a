using Varve.Typed;

namespace Varve;

// Ranges and cursors.
public sealed partial class SortedMap<TKey, TValue>
{
    /// <summary>All entries.</summary>
    /// <param name="direction">Which way; both are equally fast.</param>
    /// <param name="limit">Entries at most; default: no limit.</param>
    /// <param name="snapshot">The moment to read; default: when the enumeration begins.</param>
    public EntryRange<TKey, TValue> All(
        Direction direction = Direction.Ascending, long limit = long.MaxValue, Snapshot? snapshot = null) =>
        new(this, [], [], RangeBounds.FromInclusive, direction, limit, snapshot);

    /// <summary>The entries from <paramref name="start"/> (inclusive) to <paramref name="end"/> (exclusive).</summary>
    /// <param name="start">Smallest key.</param>
    /// <param name="end">First key behind the range; where it is not greater than <paramref name="start"/> the range is empty.</param>
    /// <param name="direction">Which way; the entries are the same.</param>
    /// <param name="limit">Entries at most; default: no limit.</param>
    /// <param name="snapshot">The moment to read; default: when the enumeration begins.</param>
    /// <exception cref="ArgumentException">A key is over its limit, or the codec refuses it.</exception>
    public EntryRange<TKey, TValue> Range(
        TKey start, TKey end, Direction direction = Direction.Ascending, long limit = long.MaxValue, Snapshot? snapshot = null)
    {
        byte[] upper = BytesOf(end);

        // No key is below the empty one; for the map of bytes an empty bound is none.
        if (upper.Length == 0) limit = Math.Min(limit, 0);
        return new(this, BytesOf(start), upper, RangeBounds.FromInclusive, direction, limit, snapshot);
    }

    /// <summary>
    /// The entries from <paramref name="start"/> (the greatest, inclusive) down to <paramref name="end"/> (exclusive), descending.
    /// </summary>
    /// <param name="start">Greatest key.</param>
    /// <param name="end">First key below the range; where it is not smaller than <paramref name="start"/> the range is empty.</param>
    /// <param name="limit">Entries at most; default: no limit.</param>
    /// <param name="snapshot">The moment to read; default: when the enumeration begins.</param>
    /// <exception cref="ArgumentException">A key is over its limit, or the codec refuses it.</exception>
    public EntryRange<TKey, TValue> ReverseRange(TKey start, TKey end, long limit = long.MaxValue, Snapshot? snapshot = null)
    {
        // The first key behind a key is the key and a zero byte.
        byte[] upper = [.. BytesOf(start), 0];
        byte[] lower = [.. BytesOf(end), 0];
        return new(this, lower, upper, RangeBounds.FromInclusive, Direction.Descending, limit, snapshot);
    }

    /// <summary>The entries from a key (inclusive) on.</summary>
    /// <param name="start">Smallest key.</param>
    /// <param name="direction">Which way; the entries are the same.</param>
    /// <param name="limit">Entries at most; default: no limit.</param>
    /// <param name="snapshot">The moment to read; default: when the enumeration begins.</param>
    /// <exception cref="ArgumentException">The key is over its limit, or the codec refuses it.</exception>
    public EntryRange<TKey, TValue> From(
        TKey start, Direction direction = Direction.Ascending, long limit = long.MaxValue, Snapshot? snapshot = null) =>
        new(this, BytesOf(start), [], RangeBounds.FromInclusive, direction, limit, snapshot);

    /// <summary>The entries below a key (exclusive).</summary>
    /// <param name="end">First key behind the range.</param>
    /// <param name="direction">Which way; the entries are the same.</param>
    /// <param name="limit">Entries at most; default: no limit.</param>
    /// <param name="snapshot">The moment to read; default: when the enumeration begins.</param>
    /// <exception cref="ArgumentException">The key is over its limit, or the codec refuses it.</exception>
    public EntryRange<TKey, TValue> Before(
        TKey end, Direction direction = Direction.Ascending, long limit = long.MaxValue, Snapshot? snapshot = null)
    {
        byte[] upper = BytesOf(end);
        if (upper.Length == 0) limit = Math.Min(limit, 0);
        return new(this, [], upper, RangeBounds.FromInclusive, direction, limit, snapshot);
    }

    /// <summary>The entries whose keys begin so: the first elements of a tuple, or the begin of a text or of bytes.</summary>
    /// <typeparam name="TPart">
    /// Of a map with keys (A, B, C): A, or (A, B). Of a map with texts or bytes as keys: the same type.
    /// </typeparam>
    /// <param name="part">What the keys begin with. A text that is an element of a tuple is meant whole.</param>
    /// <param name="direction">Which way; both are equally fast.</param>
    /// <param name="limit">Entries at most; default: no limit.</param>
    /// <param name="snapshot">The moment to read; default: when the enumeration begins.</param>
    /// <exception cref="ArgumentException">The map's keys do not begin with that type, or the codec refuses the part.</exception>
    public EntryRange<TKey, TValue> Prefix<TPart>(
        TPart part, Direction direction = Direction.Ascending, long limit = long.MaxValue, Snapshot? snapshot = null)
    {
        using CodecBuffer prefix = EncodePrefix(part);
        Limits.CheckKey(prefix.Written);
        return new(this, prefix.Written.ToArray(), [], RangeBounds.Prefix, direction, limit, snapshot);
    }

    /// <summary>A cursor over the map as it is now, or as the snapshot sees it.</summary>
    /// <param name="snapshot">The moment to read; default: now.</param>
    /// <exception cref="MemoryBudgetException">Open cursors keep too much memory already; the message says which.</exception>
    public Cursor<TKey, TValue> CreateCursor(Snapshot? snapshot = null) => new(this, Bytes.CreateCursor(snapshot));

    private byte[] BytesOf(TKey key)
    {
        using CodecBuffer buffer = Encode(key);
        Limits.CheckKey(buffer.Written);
        return buffer.Written.ToArray();
    }

    private void WritePrefix<TPart>(TPart part, CodecBuffer prefix)
    {
        IKeyHead own = KeyCodec;
        if (own.Head is null && KeyCodec.FixedBytes == 0 && own is KeyCodec<TPart> whole)
        {
            whole.Write(part, prefix);
            return;
        }

        for (IKeyHead? head = own.Head; head is not null; head = head.Head)
        {
            if (head is not KeyCodec<TPart> first) continue;
            first.WritePart(part, prefix);
            return;
        }

        throw new ArgumentException(
            $"The keys of the map '{Name}' are {typeof(TKey)}, which do not begin with {typeof(TPart)}.", nameof(part));
    }
}
