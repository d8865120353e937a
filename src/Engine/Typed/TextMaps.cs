using Varve.Typed;

namespace Varve;

/// <summary>Texts in maps of bytes: keys and values as UTF-8.</summary>
/// <remarks>
/// Keys sort by code points. Null is an <see cref="ArgumentNullException"/>; a text with half a surrogate pair is an
/// <see cref="ArgumentException"/>, because UTF-8 has no form for it; nothing is ever replaced. Limits and other errors are those of the
/// methods on bytes.
/// </remarks>
public static class TextMaps
{
    /// <summary>As <see cref="SortedMap.Put(ReadOnlySpan{byte}, ReadOnlySpan{byte}, Durability?)"/>.</summary>
    /// <param name="map">The map.</param>
    /// <param name="key">At most 16,384 bytes of UTF-8.</param>
    /// <param name="value">The value.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    public static ulong Put(this SortedMap map, string key, string value, Durability? durability = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        using CodecBuffer keyBytes = Encode(key);
        using CodecBuffer valueBytes = Encode(value);
        return map.Put(keyBytes.Written, valueBytes.Written, durability);
    }

    /// <summary>As <see cref="SortedMap.Put(ReadOnlySpan{byte}, ReadOnlySpan{byte}, Durability?)"/>.</summary>
    /// <param name="map">The map.</param>
    /// <param name="key">At most 16,384 bytes of UTF-8.</param>
    /// <param name="value">The value.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    public static ulong Put(this SortedMap map, string key, ReadOnlySpan<byte> value, Durability? durability = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        using CodecBuffer keyBytes = Encode(key);
        return map.Put(keyBytes.Written, value, durability);
    }

    /// <summary>As <see cref="SortedMap.Delete"/>.</summary>
    /// <param name="map">The map.</param>
    /// <param name="key">At most 16,384 bytes of UTF-8.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    public static ulong Delete(this SortedMap map, string key, Durability? durability = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        using CodecBuffer keyBytes = Encode(key);
        return map.Delete(keyBytes.Written, durability);
    }

    /// <summary>As <see cref="SortedMap.TryGet(ReadOnlySpan{byte}, Span{byte}, out int, Snapshot?)"/>.</summary>
    /// <param name="map">The map.</param>
    /// <param name="key">At most 16,384 bytes of UTF-8.</param>
    /// <param name="destination">Where the value goes; where it is too short nothing is copied.</param>
    /// <param name="length">The value's length, also where it was not copied; 0 when the key is absent.</param>
    /// <param name="snapshot">The moment to read; default: now.</param>
    public static bool TryGet(this SortedMap map, string key, Span<byte> destination, out int length, Snapshot? snapshot = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        using CodecBuffer keyBytes = Encode(key);
        return map.TryGet(keyBytes.Written, destination, out length, snapshot);
    }

    /// <summary>As <see cref="SortedMap.Get"/>: the value's bytes; null when the key is absent.</summary>
    /// <param name="map">The map.</param>
    /// <param name="key">At most 16,384 bytes of UTF-8.</param>
    /// <param name="snapshot">The moment to read; default: now.</param>
    public static byte[]? Get(this SortedMap map, string key, Snapshot? snapshot = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        using CodecBuffer keyBytes = Encode(key);
        return map.Get(keyBytes.Written, snapshot);
    }

    /// <summary>A key's value as a text; null when the key is absent.</summary>
    /// <param name="map">The map.</param>
    /// <param name="key">At most 16,384 bytes of UTF-8.</param>
    /// <param name="snapshot">The moment to read; default: now.</param>
    /// <exception cref="CorruptDataException">The value is no UTF-8, or a file that the read needs is damaged.</exception>
    public static string? GetText(this SortedMap map, string key, Snapshot? snapshot = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        return new SortedMap<string, string>(map, KeyCodec.Text, ValueCodec.Text).GetValueOrDefault(key, null, snapshot);
    }

    /// <summary>As <see cref="SortedMap.Contains"/>.</summary>
    /// <param name="map">The map.</param>
    /// <param name="key">At most 16,384 bytes of UTF-8.</param>
    /// <param name="snapshot">The moment to read; default: now.</param>
    public static bool Contains(this SortedMap map, string key, Snapshot? snapshot = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        using CodecBuffer keyBytes = Encode(key);
        return map.Contains(keyBytes.Written, snapshot);
    }

    /// <summary>As <c>Range</c> on bytes: from <paramref name="start"/> (inclusive) to <paramref name="end"/> (exclusive).</summary>
    /// <param name="map">The map.</param>
    /// <param name="start">Smallest key; empty: no bound.</param>
    /// <param name="end">First key behind the range; empty: no bound.</param>
    /// <param name="direction">Which way; the entries are the same.</param>
    /// <param name="limit">Entries at most; default: no limit.</param>
    /// <param name="snapshot">The moment to read; default: when the enumeration begins.</param>
    public static EntryRange Range(
        this SortedMap map, string start, string end, Direction direction = Direction.Ascending, long limit = long.MaxValue,
        Snapshot? snapshot = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        return map.Range(BytesOf(start), BytesOf(end), direction, limit, snapshot);
    }

    /// <summary>
    /// As <c>ReverseRange</c> on bytes: from <paramref name="start"/> (the greatest, inclusive) down to <paramref name="end"/> (exclusive).
    /// </summary>
    /// <param name="map">The map.</param>
    /// <param name="start">Greatest key; empty: no bound.</param>
    /// <param name="end">First key below the range; empty: no bound.</param>
    /// <param name="limit">Entries at most; default: no limit.</param>
    /// <param name="snapshot">The moment to read; default: when the enumeration begins.</param>
    public static EntryRange ReverseRange(
        this SortedMap map, string start, string end, long limit = long.MaxValue, Snapshot? snapshot = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        return map.ReverseRange(BytesOf(start), BytesOf(end), limit, snapshot);
    }

    /// <summary>As <see cref="SortedMap.Prefix"/>.</summary>
    /// <param name="map">The map.</param>
    /// <param name="prefix">What the keys begin with; empty: all.</param>
    /// <param name="direction">Which way; both are equally fast.</param>
    /// <param name="limit">Entries at most; default: no limit.</param>
    /// <param name="snapshot">The moment to read; default: when the enumeration begins.</param>
    public static EntryRange Prefix(
        this SortedMap map, string prefix, Direction direction = Direction.Ascending, long limit = long.MaxValue,
        Snapshot? snapshot = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        return map.Prefix(BytesOf(prefix), direction, limit, snapshot);
    }

    /// <summary>To the first entry at or behind a key; false when there is none.</summary>
    /// <param name="cursor">The cursor.</param>
    /// <param name="key">Where to.</param>
    public static bool Seek(this Cursor cursor, string key)
    {
        ArgumentNullException.ThrowIfNull(cursor);
        using CodecBuffer keyBytes = Encode(key);
        return cursor.Seek(keyBytes.Written);
    }

    /// <summary>To the last entry at or before a key; false when there is none.</summary>
    /// <param name="cursor">The cursor.</param>
    /// <param name="key">Where to.</param>
    public static bool SeekForPrevious(this Cursor cursor, string key)
    {
        ArgumentNullException.ThrowIfNull(cursor);
        using CodecBuffer keyBytes = Encode(key);
        return cursor.SeekForPrevious(keyBytes.Written);
    }

    /// <summary>As <see cref="WriteBatch.Put(SortedMap, ReadOnlySpan{byte}, ReadOnlySpan{byte})"/>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="key">At most 16,384 bytes of UTF-8.</param>
    /// <param name="value">The value.</param>
    public static void Put(this WriteBatch batch, SortedMap map, string key, string value)
    {
        ArgumentNullException.ThrowIfNull(batch);
        using CodecBuffer keyBytes = Encode(key);
        using CodecBuffer valueBytes = Encode(value);
        batch.Put(map, keyBytes.Written, valueBytes.Written);
    }

    /// <summary>As <see cref="WriteBatch.Put(SortedMap, ReadOnlySpan{byte}, ReadOnlySpan{byte})"/>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="key">At most 16,384 bytes of UTF-8.</param>
    /// <param name="value">The value.</param>
    public static void Put(this WriteBatch batch, SortedMap map, string key, ReadOnlySpan<byte> value)
    {
        ArgumentNullException.ThrowIfNull(batch);
        using CodecBuffer keyBytes = Encode(key);
        batch.Put(map, keyBytes.Written, value);
    }

    /// <summary>As <see cref="WriteBatch.Delete"/>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="key">At most 16,384 bytes of UTF-8.</param>
    public static void Delete(this WriteBatch batch, SortedMap map, string key)
    {
        ArgumentNullException.ThrowIfNull(batch);
        using CodecBuffer keyBytes = Encode(key);
        batch.Delete(map, keyBytes.Written);
    }

    private static CodecBuffer Encode(string text)
    {
        CodecBuffer buffer = CodecBuffer.Rent();
        KeyCodec.Text.Write(text, buffer);
        return buffer;
    }

    private static byte[] BytesOf(string text)
    {
        using CodecBuffer buffer = Encode(text);
        return buffer.Written.ToArray();
    }
}
