using Varve.Reading;

namespace Varve;

// Entries that end by themselves.
public sealed partial class SortedMap
{
    /// <summary>Gives a key a value that ends by itself: from its expiry on the key is absent. Later puts decide anew.</summary>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="value">0 bytes to the smaller of 64 MiB and an eighth of the memory budget.</param>
    /// <param name="timeToLive">Above zero, rounded up to a millisecond; counts from this call.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>The write's sequence.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The time to live is not positive, or ends after the year 9999.</exception>
    /// <exception cref="ArgumentException">Key or value is over its limit.</exception>
    /// <exception cref="StorageException">The system refused before anything was written: the write did not happen.</exception>
    /// <exception cref="CommitOutcomeUnknownException">The log's sync failed: the write may exist after the next open.</exception>
    /// <exception cref="MapDroppedException">The map was dropped after its handle was taken: nothing was written.</exception>
    /// <exception cref="DatabaseReadOnlyException">The database takes no writes.</exception>
    public ulong Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, TimeSpan timeToLive, Durability? durability = null) =>
        Database.PutUntil(Identity, key, value, ExpiryTime.After(Database.Clock.ReadTime(), timeToLive), durability);

    /// <summary>As a put with a time to live, until a moment. A moment that has passed acts as a delete.</summary>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="value">0 bytes to the smaller of 64 MiB and an eighth of the memory budget.</param>
    /// <param name="expiry">The entry is absent from then on; after 1970 began, rounded up to a millisecond.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>The write's sequence.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The moment is before 1970.</exception>
    public ulong PutUntil(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset expiry, Durability? durability = null) =>
        Database.PutUntil(Identity, key, value, ExpiryTime.At(expiry), durability);

    /// <summary>When a key's entry expires. Allocates nothing and reads no large value.</summary>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="expiry">The moment from which the key is absent; null when it never expires, or is absent.</param>
    /// <param name="snapshot">The moment to read; default: now.</param>
    /// <returns>Whether the key is present.</returns>
    /// <exception cref="CorruptDataException">A file that the read needs is damaged.</exception>
    public bool TryGetExpiry(ReadOnlySpan<byte> key, out DateTimeOffset? expiry, Snapshot? snapshot = null)
    {
        var reader = new ExpiryReader();
        bool isPresent = Find(key, snapshot, ref reader);
        expiry = reader.Expiry;
        return isPresent;
    }

    private struct ExpiryReader : IValueReader
    {
        public DateTimeOffset? Expiry { get; private set; }

        public void Read(in FoundEntry found) => Expiry = ExpiryTime.ToDate(found.Trailer, found.Expiry);
    }
}
