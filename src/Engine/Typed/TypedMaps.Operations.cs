using System.Diagnostics.CodeAnalysis;
using Varve.Typed;

namespace Varve;

// What batches, multi-gets and ingests do with typed maps beyond puts and deletes.
public static partial class TypedMaps
{
    /// <summary>Gives a key a value that ends by itself, when the batch is written. Errors as those of a put that stays.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="key">0 to 16,384 bytes as the codec writes it.</param>
    /// <param name="value">At most the smaller of 64 MiB and an eighth of the memory budget, as the codec writes it.</param>
    /// <param name="timeToLive">Above zero, rounded up to a millisecond; counts from this call, not from the write of the batch.</param>
    /// <exception cref="ArgumentOutOfRangeException">The time to live is not positive, or ends after the year 9999.</exception>
    public static void Put<TKey, TValue>(
        this WriteBatch batch, SortedMap<TKey, TValue> map, TKey key, TValue value, TimeSpan timeToLive)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(map);
        using CodecBuffer keyBytes = map.Encode(key);
        using CodecBuffer valueBytes = map.EncodeValue(value);
        batch.Put(map.Bytes, keyBytes.Written, valueBytes.Written, timeToLive);
    }

    /// <summary>As a put with a time to live, until a moment.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="key">0 to 16,384 bytes as the codec writes it.</param>
    /// <param name="value">At most the smaller of 64 MiB and an eighth of the memory budget, as the codec writes it.</param>
    /// <param name="expiry">The entry is absent from then on; after 1970 began. A moment that has passed acts as a delete.</param>
    /// <exception cref="ArgumentOutOfRangeException">The moment is before 1970.</exception>
    public static void PutUntil<TKey, TValue>(
        this WriteBatch batch, SortedMap<TKey, TValue> map, TKey key, TValue value, DateTimeOffset expiry)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(map);
        using CodecBuffer keyBytes = map.Encode(key);
        using CodecBuffer valueBytes = map.EncodeValue(value);
        batch.PutUntil(map.Bytes, keyBytes.Written, valueBytes.Written, expiry);
    }

    /// <summary>
    /// Deletes the keys from <paramref name="start"/> (inclusive) to <paramref name="end"/> (exclusive) when the batch is written: what
    /// earlier operations of the batch put there goes too, what later ones put stays.
    /// </summary>
    /// <param name="batch">The batch.</param>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="start">First key.</param>
    /// <param name="end">First key behind the range. Equal to the start: no operation.</param>
    /// <exception cref="ArgumentException">
    /// The start lies behind the end, a bound or the batch is over its limit, the codec refuses a key, or the map belongs to another
    /// database. The batch is as before.
    /// </exception>
    public static void DeleteRange<TKey, TValue>(this WriteBatch batch, SortedMap<TKey, TValue> map, TKey start, TKey end)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(map);
        using CodecBuffer startBytes = map.Encode(start);
        using CodecBuffer endBytes = map.Encode(end);
        if (SortedMap<TKey, TValue>.IsNothing(startBytes, endBytes)) return;
        batch.DeleteRange(map.Bytes, startBytes.Written, endBytes.Written);
    }

    /// <summary>Deletes the keys that begin so when the batch is written.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="part">As of <see cref="SortedMap{TKey, TValue}.Prefix"/>.</param>
    /// <exception cref="ArgumentException">
    /// The map's keys do not begin with that type, prefix or batch is over its limit, or the map belongs to another database. The batch
    /// is as before.
    /// </exception>
    public static void DeletePrefix<TKey, TValue, TPart>(this WriteBatch batch, SortedMap<TKey, TValue> map, TPart part)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(map);
        using CodecBuffer prefix = map.EncodePrefix(part);
        batch.DeletePrefix(map.Bytes, prefix.Written);
    }

    /// <summary>The batch is written only if the key is absent: never written, deleted, or expired.</summary>
    /// <param name="batch">The batch: write it with <see cref="Database.TryWrite"/>.</param>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="key">The key.</param>
    /// <exception cref="ArgumentException">The key is over its limit, or the map belongs to another database.</exception>
    public static void RequireAbsent<TKey, TValue>(this WriteBatch batch, SortedMap<TKey, TValue> map, TKey key)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(map);
        using CodecBuffer keyBytes = map.Encode(key);
        batch.RequireAbsent(map.Bytes, keyBytes.Written);
    }

    /// <summary>The batch is written only if the key is present.</summary>
    /// <param name="batch">The batch: write it with <see cref="Database.TryWrite"/>.</param>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="key">The key.</param>
    /// <exception cref="ArgumentException">The key is over its limit, or the map belongs to another database.</exception>
    public static void RequirePresent<TKey, TValue>(this WriteBatch batch, SortedMap<TKey, TValue> map, TKey key)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(map);
        using CodecBuffer keyBytes = map.Encode(key);
        batch.RequirePresent(map.Bytes, keyBytes.Written);
    }

    /// <summary>The batch is written only if the key's entry is still this version.</summary>
    /// <param name="batch">The batch: write it with <see cref="Database.TryWrite"/>.</param>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="key">The key.</param>
    /// <param name="version">As a read or write gave it; <see cref="EntryVersion.None"/>: the key must be absent.</param>
    /// <exception cref="ArgumentException">The key is over its limit, or the map belongs to another database.</exception>
    public static void RequireVersion<TKey, TValue>(
        this WriteBatch batch, SortedMap<TKey, TValue> map, TKey key, EntryVersion version)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(map);
        using CodecBuffer keyBytes = map.Encode(key);
        batch.RequireVersion(map.Bytes, keyBytes.Written, version);
    }

    /// <summary>The batch is written only if the key has the bytes that the codec writes for this value.</summary>
    /// <param name="batch">The batch: write it with <see cref="Database.TryWrite"/>.</param>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">The value; its bytes are copied.</param>
    /// <exception cref="ArgumentException">Key or value is over its limit, or the map belongs to another database.</exception>
    public static void RequireValue<TKey, TValue>(this WriteBatch batch, SortedMap<TKey, TValue> map, TKey key, TValue value)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(map);
        using CodecBuffer keyBytes = map.Encode(key);
        using CodecBuffer valueBytes = map.EncodeValue(value);
        batch.RequireValue(map.Bytes, keyBytes.Written, valueBytes.Written);
    }

    /// <summary>Adds a key; a copy is kept.</summary>
    /// <param name="gets">The multi-get.</param>
    /// <param name="map">A map of the multi-get's database; the keys may be of several.</param>
    /// <param name="key">The key.</param>
    /// <returns>The number under which the result is found: 0 for the first key.</returns>
    /// <exception cref="ArgumentException">The key is over its limit, or the map belongs to another database.</exception>
    public static int Add<TKey, TValue>(this MultiGet gets, SortedMap<TKey, TValue> map, TKey key)
    {
        ArgumentNullException.ThrowIfNull(gets);
        ArgumentNullException.ThrowIfNull(map);
        using CodecBuffer keyBytes = map.Encode(key);
        return gets.Add(map.Bytes, keyBytes.Written);
    }

    /// <summary>A key's value, if the key is present.</summary>
    /// <param name="gets">The multi-get, after its run.</param>
    /// <param name="map">The map with which the key was added.</param>
    /// <param name="index">The key's number, as it was returned when it was added.</param>
    /// <param name="value">The value; the type's default when the key is absent.</param>
    /// <returns>Whether the key is present.</returns>
    /// <exception cref="ArgumentException">The key was added with another map.</exception>
    /// <exception cref="InvalidOperationException">The keys have not been looked up since the last one was added.</exception>
    /// <exception cref="CorruptDataException">The codec cannot read the value.</exception>
    public static bool TryGetValue<TKey, TValue>(
        this MultiGet gets, SortedMap<TKey, TValue> map, int index, [MaybeNullWhen(false)] out TValue value)
    {
        ArgumentNullException.ThrowIfNull(gets);
        ArgumentNullException.ThrowIfNull(map);
        bool isPresent = gets.TryGetValue(index, out ReadOnlySpan<byte> bytes);
        ReadOnlySpan<byte> prefix = map.Bytes.Identity.Prefix;
        ReadOnlySpan<byte> key = gets.KeyAt(index);
        if (!key.StartsWith(prefix)) throw new ArgumentException($"Key {index} was not added with the map '{map.Name}'.", nameof(map));
        value = isPresent ? map.ReadValue(key[prefix.Length..], bytes) : default;
        return isPresent;
    }

    /// <summary>Adds an entry. Order, errors and costs as those of the method on bytes.</summary>
    /// <param name="ingest">The ingest.</param>
    /// <param name="map">A map of the ingest's database; the entries of each map come in one run.</param>
    /// <param name="key">Above the map's last one: in the order of its codec.</param>
    /// <param name="value">At most the smaller of 64 MiB and an eighth of the memory budget, as the codec writes it.</param>
    public static void Add<TKey, TValue>(this IngestWriter ingest, SortedMap<TKey, TValue> map, TKey key, TValue value)
    {
        ArgumentNullException.ThrowIfNull(ingest);
        ArgumentNullException.ThrowIfNull(map);
        using CodecBuffer keyBytes = map.Encode(key);
        using CodecBuffer valueBytes = map.EncodeValue(value);
        ingest.Add(map.Bytes, keyBytes.Written, valueBytes.Written);
    }
}
