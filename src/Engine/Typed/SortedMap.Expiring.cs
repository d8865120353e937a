using Varve.Typed;

namespace Varve;

// Entries that end by themselves.
public sealed partial class SortedMap<TKey, TValue>
{
    /// <summary>Gives a key a value that ends by itself: from its expiry on the key is absent. Later puts decide anew.</summary>
    /// <param name="key">0 to 16,384 bytes as the codec writes it.</param>
    /// <param name="value">At most the smaller of 64 MiB and an eighth of the memory budget, as the codec writes it.</param>
    /// <param name="timeToLive">Above zero, rounded up to a millisecond; counts from this call.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>The write's sequence. Other errors as the put of a value that stays.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The time to live is not positive, or ends after the year 9999.</exception>
    public ulong Put(TKey key, TValue value, TimeSpan timeToLive, Durability? durability = null)
    {
        using CodecBuffer keyBytes = Encode(key);
        using CodecBuffer valueBytes = EncodeValue(value);
        return Bytes.Put(keyBytes.Written, valueBytes.Written, timeToLive, durability);
    }

    /// <summary>As a put with a time to live, until a moment. A moment that has passed acts as a delete.</summary>
    /// <param name="key">0 to 16,384 bytes as the codec writes it.</param>
    /// <param name="value">At most the smaller of 64 MiB and an eighth of the memory budget, as the codec writes it.</param>
    /// <param name="expiry">The entry is absent from then on; after 1970 began, rounded up to a millisecond.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>The write's sequence. Other errors as the put of a value that stays.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The moment is before 1970.</exception>
    public ulong PutUntil(TKey key, TValue value, DateTimeOffset expiry, Durability? durability = null)
    {
        using CodecBuffer keyBytes = Encode(key);
        using CodecBuffer valueBytes = EncodeValue(value);
        return Bytes.PutUntil(keyBytes.Written, valueBytes.Written, expiry, durability);
    }

    /// <summary>When a key's entry expires. Does not read the value.</summary>
    /// <param name="key">The key.</param>
    /// <param name="expiry">The moment from which the key is absent; null when it never expires, or is absent.</param>
    /// <param name="snapshot">The moment to read; default: now.</param>
    /// <returns>Whether the key is present.</returns>
    /// <exception cref="CorruptDataException">A file that the read needs is damaged.</exception>
    public bool TryGetExpiry(TKey key, out DateTimeOffset? expiry, Snapshot? snapshot = null)
    {
        using CodecBuffer keyBytes = Encode(key);
        return Bytes.TryGetExpiry(keyBytes.Written, out expiry, snapshot);
    }
}
