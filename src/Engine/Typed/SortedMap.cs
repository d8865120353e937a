using System.Diagnostics.CodeAnalysis;
using Varve.Typed;

namespace Varve;

/// <summary>A map of a database with keys and values of .NET types: a <see cref="SortedMap"/> and two codecs.</summary>
/// <typeparam name="TKey">The keys' type; the map's order is its codec's.</typeparam>
/// <typeparam name="TValue">The values' type.</typeparam>
/// <remarks>
/// Got by <see cref="TypedMaps"/>: <c>database.GetMap&lt;Guid, string&gt;("names")</c>. Holds nothing but the map and the codecs. Safe for
/// concurrent use. Nothing about the types is stored: open a map with the codecs it was written with. What a codec cannot read is a
/// <see cref="CorruptDataException"/>. With codecs of numbers and GUIDs, no operation allocates what the one on bytes does not.
/// </remarks>
public sealed partial class SortedMap<TKey, TValue>
{
    private const int ShownKeyBytesMax = 64;

    internal SortedMap(SortedMap bytes, KeyCodec<TKey> keys, ValueCodec<TValue> values)
    {
        Bytes = bytes;
        KeyCodec = keys;
        ValueCodec = values;
    }

    /// <summary>The map's name.</summary>
    public string Name => Bytes.Name;

    /// <summary>The database the map is in.</summary>
    public Database Database => Bytes.Database;

    /// <summary>The same map as bytes.</summary>
    public SortedMap Bytes { get; }

    /// <summary>How keys are stored.</summary>
    public KeyCodec<TKey> KeyCodec { get; }

    /// <summary>How values are stored.</summary>
    public ValueCodec<TValue> ValueCodec { get; }

    /// <summary>Gives a key a value; returns when it is as durable as asked.</summary>
    /// <param name="key">0 to 16,384 bytes as the codec writes it.</param>
    /// <param name="value">At most the smaller of 64 MiB and an eighth of the memory budget, as the codec writes it.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>The write's sequence.</returns>
    /// <exception cref="ArgumentException">Key or value is over its limit, or the codec refuses it.</exception>
    /// <exception cref="StorageException">The system refused before anything was written: the write did not happen.</exception>
    /// <exception cref="CommitOutcomeUnknownException">The log's sync failed: the write may exist after the next open.</exception>
    /// <exception cref="MapDroppedException">The map was dropped after its handle was taken: nothing was written.</exception>
    /// <exception cref="DatabaseReadOnlyException">The database takes no writes.</exception>
    public ulong Put(TKey key, TValue value, Durability? durability = null)
    {
        using CodecBuffer keyBytes = Encode(key);
        using CodecBuffer valueBytes = EncodeValue(value);
        return Bytes.Put(keyBytes.Written, valueBytes.Written, durability);
    }

    /// <summary>Removes a key; no error where it is absent. Parameters, result and errors as the put of a value.</summary>
    /// <param name="key">The key.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>The write's sequence.</returns>
    public ulong Delete(TKey key, Durability? durability = null)
    {
        using CodecBuffer keyBytes = Encode(key);
        return Bytes.Delete(keyBytes.Written, durability);
    }

    /// <summary>A key's value.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The value; the type's default when the key is absent.</param>
    /// <param name="snapshot">The moment to read; default: now.</param>
    /// <returns>Whether the key is present.</returns>
    /// <exception cref="CorruptDataException">A file that the read needs is damaged, or the codec cannot read the value.</exception>
    public bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value, Snapshot? snapshot = null)
    {
        using CodecBuffer keyBytes = Encode(key);
        using CodecBuffer valueBytes = CodecBuffer.Rent();
        Span<byte> destination = valueBytes.GetSpan();
        while (Bytes.TryGet(keyBytes.Written, destination, out int length, snapshot))
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

    /// <summary>A key's value, or a default when it is absent. Errors as those of a get.</summary>
    /// <param name="key">The key.</param>
    /// <param name="defaultValue">What to return when the key is absent.</param>
    /// <param name="snapshot">The moment to read; default: now.</param>
    [return: NotNullIfNotNull(nameof(defaultValue))]
    public TValue? GetValueOrDefault(TKey key, TValue? defaultValue = default, Snapshot? snapshot = null) =>
        TryGet(key, out TValue? value, snapshot) ? value! : defaultValue;

    /// <summary>Whether a key is present.</summary>
    /// <param name="key">The key.</param>
    /// <param name="snapshot">The moment to read; default: now.</param>
    /// <exception cref="CorruptDataException">A file that the read needs is damaged.</exception>
    public bool Contains(TKey key, Snapshot? snapshot = null)
    {
        using CodecBuffer keyBytes = Encode(key);
        return Bytes.Contains(keyBytes.Written, snapshot);
    }

    /// <summary>The key's bytes; dispose the buffer.</summary>
    internal CodecBuffer Encode(TKey key)
    {
        CodecBuffer buffer = CodecBuffer.Rent();
        KeyCodec.Write(key, buffer);
        return buffer;
    }

    /// <summary>The value's bytes; dispose the buffer.</summary>
    internal CodecBuffer EncodeValue(TValue value)
    {
        CodecBuffer buffer = CodecBuffer.Rent();
        ValueCodec.Write(value, buffer);
        return buffer;
    }

    internal TKey ReadKey(ReadOnlySpan<byte> key) => KeyCodec.TryRead(key, out TKey? read)
        ? read
        : throw new CorruptDataException(
            Database.Directory, 0, $"map '{Name}': the key {Show(key)} is no {typeof(TKey)} as its codec writes it.");

    internal TValue ReadValue(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => ValueCodec.TryRead(value, out TValue? read)
        ? read
        : throw new CorruptDataException(
            Database.Directory, 0, $"map '{Name}': the value of the key {Show(key)} is no {typeof(TValue)}: {ValueCodec.Explain(value)}.");

    private static string Show(ReadOnlySpan<byte> key) => key.Length <= ShownKeyBytesMax
        ? "0x" + Convert.ToHexString(key)
        : $"0x{Convert.ToHexString(key[..ShownKeyBytesMax])}… ({key.Length:N0} bytes)";
}
