using System.Text.Json.Serialization.Metadata;
using Varve.Typed;

namespace Varve;

/// <summary>Typed maps of a database, and their part in batches, multi-gets and ingests.</summary>
public static partial class TypedMaps
{
    /// <summary>The map of that name with keys and values of .NET types, by the codecs the types have.</summary>
    /// <param name="database">The database.</param>
    /// <param name="name">1 to 255 bytes of UTF-8; any characters.</param>
    /// <param name="keys">Default: <see cref="KeyCodec.For"/>.</param>
    /// <param name="values">Default: <see cref="ValueCodec.For"/>.</param>
    /// <exception cref="ArgumentException">The name is empty, too long, or no valid text.</exception>
    /// <exception cref="NotSupportedException">
    /// A type has no built-in codec, and none was given; the message says which to take.
    /// </exception>
    public static SortedMap<TKey, TValue> GetMap<TKey, TValue>(
        this Database database, string name, KeyCodec<TKey>? keys = null, ValueCodec<TValue>? values = null)
    {
        ArgumentNullException.ThrowIfNull(database);
        return new(database.GetMap(name), keys ?? KeyCodec.For<TKey>(), values ?? ValueCodec.For<TValue>());
    }

    /// <summary>The map of that name with values in JSON. Errors as with codecs.</summary>
    /// <param name="database">The database.</param>
    /// <param name="name">1 to 255 bytes of UTF-8; any characters.</param>
    /// <param name="valueType">From a <c>JsonSerializerContext</c>: <c>MyContext.Default.Order</c>.</param>
    /// <param name="keys">Default: <see cref="KeyCodec.For"/>.</param>
    public static SortedMap<TKey, TValue> GetMap<TKey, TValue>(
        this Database database, string name, JsonTypeInfo<TValue> valueType, KeyCodec<TKey>? keys = null) =>
        database.GetMap(name, keys, ValueCodec.Json(valueType));

    /// <summary>Gives a key a value when the batch is written.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="key">0 to 16,384 bytes as the codec writes it.</param>
    /// <param name="value">At most the smaller of 64 MiB and an eighth of the memory budget, as the codec writes it.</param>
    /// <exception cref="ArgumentException">
    /// Key, value or batch is over its limit, a codec refuses one, or the map belongs to another database. The batch is as before.
    /// </exception>
    public static void Put<TKey, TValue>(this WriteBatch batch, SortedMap<TKey, TValue> map, TKey key, TValue value)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(map);
        using CodecBuffer keyBytes = map.Encode(key);
        using CodecBuffer valueBytes = map.EncodeValue(value);
        batch.Put(map.Bytes, keyBytes.Written, valueBytes.Written);
    }

    /// <summary>Removes a key when the batch is written; no error where it is absent.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="key">0 to 16,384 bytes as the codec writes it.</param>
    /// <exception cref="ArgumentException">
    /// Key or batch is over its limit, the codec refuses the key, or the map belongs to another database. The batch is as before.
    /// </exception>
    public static void Delete<TKey, TValue>(this WriteBatch batch, SortedMap<TKey, TValue> map, TKey key)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(map);
        using CodecBuffer keyBytes = map.Encode(key);
        batch.Delete(map.Bytes, keyBytes.Written);
    }
}
