using System.Diagnostics.CodeAnalysis;
using Varve.Typed;

namespace Varve;

// Versions, and writes under a condition on the key they write.
public sealed partial class SortedMap<TKey, TValue>
{
    /// <summary>A key's value and its version, for a condition on it.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The value; the type's default when the key is absent.</param>
    /// <param name="version">The entry's version; <see cref="EntryVersion.None"/> when the key is absent.</param>
    /// <param name="snapshot">The moment to read; default: now.</param>
    /// <returns>Whether the key is present.</returns>
    /// <exception cref="CorruptDataException">A file that the read needs is damaged, or the codec cannot read the value.</exception>
    public bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value, out EntryVersion version, Snapshot? snapshot = null)
    {
        using CodecBuffer keyBytes = Encode(key);
        using CodecBuffer valueBytes = CodecBuffer.Rent();
        Span<byte> destination = valueBytes.GetSpan();
        while (Bytes.TryGet(keyBytes.Written, destination, out int length, out version, snapshot))
        {
            if (length <= destination.Length)
            {
                value = ReadValue(keyBytes.Written, destination[..length]);
                return true;
            }

            // Once more with room; and again, should the value have grown in between.
            destination = valueBytes.GetSpan(length);
        }

        value = default;
        return false;
    }

    /// <summary>Puts a value if the key is absent: never written, deleted, or expired. Nobody's write comes between.</summary>
    /// <param name="key">0 to 16,384 bytes as the codec writes it.</param>
    /// <param name="value">At most the smaller of 64 MiB and an eighth of the memory budget, as the codec writes it.</param>
    /// <param name="version">The version of the entry that is there now: the one put, or the one that was in the way.</param>
    /// <param name="timeToLive">When the entry expires, counted from this call; default: never.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>Whether the value was put. Errors as those of a put.</returns>
    /// <exception cref="CorruptDataException">A file that the condition needs is damaged: nothing was written.</exception>
    public bool TryPutIfAbsent(
        TKey key, TValue value, out EntryVersion version, TimeSpan? timeToLive = null, Durability? durability = null)
    {
        using CodecBuffer keyBytes = Encode(key);
        using CodecBuffer valueBytes = EncodeValue(value);
        return Bytes.TryPutIfAbsent(keyBytes.Written, valueBytes.Written, out version, timeToLive, durability);
    }

    /// <summary>
    /// Puts a value if the key's entry is still a version. Parameters, result and errors as <see cref="TryPutIfAbsent"/>.
    /// </summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    /// <param name="expected">The version; <see cref="EntryVersion.None"/>: the key must be absent.</param>
    /// <param name="version">The version that is there now; <see cref="EntryVersion.None"/> when the key is absent.</param>
    /// <param name="timeToLive">When the entry expires, counted from this call; default: never.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>Whether the value was put.</returns>
    public bool TryPutIfVersion(
        TKey key, TValue value, EntryVersion expected, out EntryVersion version, TimeSpan? timeToLive = null,
        Durability? durability = null)
    {
        using CodecBuffer keyBytes = Encode(key);
        using CodecBuffer valueBytes = EncodeValue(value);
        return Bytes.TryPutIfVersion(keyBytes.Written, valueBytes.Written, expected, out version, timeToLive, durability);
    }

    /// <summary>Puts a value if the key has another. Parameters, result and errors as <see cref="TryPutIfAbsent"/>.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    /// <param name="expected">The value that the key must have: the same bytes as the codec writes for this one.</param>
    /// <param name="version">The version that is there now; <see cref="EntryVersion.None"/> when the key is absent.</param>
    /// <param name="timeToLive">When the entry expires, counted from this call; default: never.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>Whether the value was put.</returns>
    public bool TryPutIfValue(
        TKey key, TValue value, TValue expected, out EntryVersion version, TimeSpan? timeToLive = null, Durability? durability = null)
    {
        using CodecBuffer keyBytes = Encode(key);
        using CodecBuffer valueBytes = EncodeValue(value);
        using CodecBuffer expectedBytes = EncodeValue(expected);
        return Bytes.TryPutIfValue(
            keyBytes.Written, valueBytes.Written, expectedBytes.Written, out version, timeToLive, durability);
    }

    /// <summary>Removes a key if its entry is still a version. Errors as <see cref="TryPutIfAbsent"/>.</summary>
    /// <param name="key">The key.</param>
    /// <param name="expected">The version.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>Whether the key was removed.</returns>
    public bool TryDeleteIfVersion(TKey key, EntryVersion expected, Durability? durability = null)
    {
        using CodecBuffer keyBytes = Encode(key);
        return Bytes.TryDeleteIfVersion(keyBytes.Written, expected, durability);
    }

    /// <summary>Removes a key if it has a value. Errors as <see cref="TryPutIfAbsent"/>.</summary>
    /// <param name="key">The key.</param>
    /// <param name="expected">The value that the key must have: the same bytes as the codec writes for this one.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>Whether the key was removed.</returns>
    public bool TryDeleteIfValue(TKey key, TValue expected, Durability? durability = null)
    {
        using CodecBuffer keyBytes = Encode(key);
        using CodecBuffer expectedBytes = EncodeValue(expected);
        return Bytes.TryDeleteIfValue(keyBytes.Written, expectedBytes.Written, durability);
    }
}
