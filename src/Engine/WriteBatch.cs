using System.Buffers;
using Varve.Commit;
using Varve.Entries;
using Varve.Memory;

namespace Varve;

/// <summary>
/// Puts, deletes and range deletes, in any number of maps of one database, that are committed together: all or none, in the order given.
/// </summary>
/// <remarks>
/// Made by <see cref="Database.CreateBatch"/>. May be filled, written, cleared and filled again. Not safe for concurrent use; it must not
/// be changed while it is being written. A later operation on a key wins over an earlier one of the same batch.
/// </remarks>
public sealed partial class WriteBatch : IDisposable
{
    private bool _isDisposed;

    internal WriteBatch(Database database)
    {
        Database = database;
        Buffer = database.CreateBuffer();
    }

    /// <summary>Operations in the batch.</summary>
    public int Count => Buffer.Count;

    /// <summary>
    /// Memory that the batch's entries take until they are flushed, in bytes: keys, values and 31 for each operation. At most a quarter of
    /// <see cref="DatabaseOptions.MemoryBudgetBytes"/>.
    /// </summary>
    public long SizeBytes => MemTable.RecordBytesFor(Buffer.Count, Buffer.KeyBytes, Buffer.ValueBytes);

    internal Database Database { get; }

    internal BatchBuffer Buffer { get; }

    /// <summary>Gives a key a value.</summary>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="value">0 bytes to the smaller of 64 MiB and an eighth of the memory budget.</param>
    /// <exception cref="ArgumentException">
    /// Key, value or batch is over its limit, or the map belongs to another database. The batch is as before.
    /// </exception>
    public void Put(SortedMap map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        MapIdentity identity = Check(map, key);
        Database.Limits.CheckValue(value);
        Database.Limits.CheckBatch(Buffer, key.Length, value.Length);
        Buffer.AddPut(identity, key, value);
    }

    /// <summary>
    /// Gives a key a value that stands in several pieces; otherwise as
    /// <see cref="Put(SortedMap, ReadOnlySpan{byte}, ReadOnlySpan{byte})"/>.
    /// </summary>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="value">As long as a value may be.</param>
    public void PutPieces(SortedMap map, ReadOnlySpan<byte> key, in ReadOnlySequence<byte> value)
    {
        MapIdentity identity = Check(map, key);
        Database.Limits.CheckValue(value.Length);
        Database.Limits.CheckBatch(Buffer, key.Length, (int)value.Length);
        Buffer.AddPut(identity, key, value);
    }

    /// <summary>
    /// Gives a key a value that is read from a stream, straight into the batch; otherwise as
    /// <see cref="Put(SortedMap, ReadOnlySpan{byte}, ReadOnlySpan{byte})"/>.
    /// </summary>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="value">Read synchronously, to the length and no further.</param>
    /// <param name="valueBytes">The value's length.</param>
    /// <exception cref="EndOfStreamException">The stream ends before. The batch is as before, also when reading throws.</exception>
    public void Put(SortedMap map, ReadOnlySpan<byte> key, Stream value, int valueBytes)
    {
        ArgumentNullException.ThrowIfNull(value);
        ArgumentOutOfRangeException.ThrowIfNegative(valueBytes);
        MapIdentity identity = Check(map, key);
        Database.Limits.CheckValue(valueBytes);
        Database.Limits.CheckBatch(Buffer, key.Length, valueBytes);
        Buffer.AddPut(identity, key, value, valueBytes);
    }

    /// <summary>
    /// Gives a key a value that ends by itself. Errors as <see cref="Put(SortedMap, ReadOnlySpan{byte}, ReadOnlySpan{byte})"/>.
    /// </summary>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="value">0 bytes to the smaller of 64 MiB and an eighth of the memory budget.</param>
    /// <param name="timeToLive">Above zero, rounded up to a millisecond; counts from this call, not from the write of the batch.</param>
    /// <exception cref="ArgumentOutOfRangeException">The time to live is not positive, or ends after the year 9999.</exception>
    public void Put(SortedMap map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, TimeSpan timeToLive) =>
        PutExpiring(map, key, value, ExpiryTime.After(Database.Clock.ReadTime(), timeToLive));

    /// <summary>As a put with a time to live, until a moment.</summary>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="value">0 bytes to the smaller of 64 MiB and an eighth of the memory budget.</param>
    /// <param name="expiry">The entry is absent from then on; after 1970 began. A moment that has passed acts as a delete.</param>
    /// <exception cref="ArgumentOutOfRangeException">The moment is before 1970.</exception>
    public void PutUntil(SortedMap map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset expiry) =>
        PutExpiring(map, key, value, ExpiryTime.At(expiry));

    /// <summary>Removes a key; no error where it is absent.</summary>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <exception cref="ArgumentException">
    /// Key or batch is over its limit, or the map belongs to another database. The batch is as before.
    /// </exception>
    public void Delete(SortedMap map, ReadOnlySpan<byte> key)
    {
        MapIdentity identity = Check(map, key);
        Database.Limits.CheckBatch(Buffer, key.Length, valueBytes: 0);
        Buffer.AddDelete(identity, key);
    }

    /// <summary>
    /// Deletes the keys from <paramref name="start"/> (inclusive) to <paramref name="end"/> (exclusive), one operation whatever their
    /// number. What earlier operations of the batch put there goes too, what later ones put stays.
    /// </summary>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="start">First key, 0 to 16,384 bytes; empty: from the first entry.</param>
    /// <param name="end">First key behind the range, 0 to 16,384 bytes; empty: to the last entry. Equal to the start: no operation.</param>
    /// <exception cref="ArgumentException">
    /// The start lies behind the end, a bound or the batch is over its limit (4 MiB for the bounds of its range deletes), or the map
    /// belongs to another database. The batch is as before.
    /// </exception>
    public void DeleteRange(SortedMap map, ReadOnlySpan<byte> start, ReadOnlySpan<byte> end) =>
        RangeOperations.AddDeleteRange(Buffer, Check(map, start), start, end, Database.Limits);

    /// <summary>Deletes the keys that begin with the given bytes, as <see cref="DeleteRange"/>.</summary>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="prefix">What the keys begin with, 0 to 16,384 bytes; empty: all.</param>
    /// <exception cref="ArgumentException">
    /// Prefix or batch is over its limit, or the map belongs to another database. The batch is as before.
    /// </exception>
    public void DeletePrefix(SortedMap map, ReadOnlySpan<byte> prefix) =>
        RangeOperations.AddDeletePrefix(Buffer, Check(map, prefix), prefix, Database.Limits);

    /// <summary>Empties the batch of operations and conditions, so that it can be filled anew.</summary>
    public void Clear()
    {
        Buffer.Clear();
        _conditions?.Clear();
        _conditionMaps.Clear();
    }

    /// <summary>Gives the batch's memory back. Operations that were not written are forgotten.</summary>
    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        Clear();
        Buffer.Dispose();
        _conditions?.Dispose();
    }

    internal void CheckWritable(Database database)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (!ReferenceEquals(database, Database)) throw new ArgumentException("The batch was made by another database.", "batch");
    }

    private void PutExpiring(SortedMap map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ulong expiry)
    {
        MapIdentity identity = Check(map, key);
        Database.Limits.CheckValue(value);
        Database.Limits.CheckExpiringBatch(Buffer, key.Length, value.Length);
        Database.Clock.Need();
        Buffer.AddExpiringPut(identity, key, value, expiry);
    }

    private MapIdentity Check(SortedMap map, ReadOnlySpan<byte> key)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ArgumentNullException.ThrowIfNull(map);
        if (!ReferenceEquals(map.Database, Database))
        {
            throw new ArgumentException($"The map '{map.Name}' belongs to another database than the batch.", nameof(map));
        }

        Limits.CheckKey(key);
        return map.Identity;
    }
}
