using Varve.Commit;
using Varve.Reading;

namespace Varve;

// Versions, and writes under a condition on the key they write.
public sealed partial class SortedMap
{
    /// <summary>Copies a key's value and tells its version. Allocates nothing.</summary>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="destination">Where the value goes; where it is too short nothing is copied.</param>
    /// <param name="length">The value's length, also where it was not copied; 0 when the key is absent.</param>
    /// <param name="version">The entry's version; <see cref="EntryVersion.None"/> when the key is absent.</param>
    /// <param name="snapshot">The moment to read; default: now.</param>
    /// <returns>Whether the key is present.</returns>
    /// <exception cref="CorruptDataException">A file that the read needs is damaged.</exception>
    public bool TryGet(
        ReadOnlySpan<byte> key, Span<byte> destination, out int length, out EntryVersion version, Snapshot? snapshot = null)
    {
        var reader = new VersionedCopier(destination);
        bool isPresent = Find(key, snapshot, ref reader);
        length = reader.Length;
        version = reader.Version;
        return isPresent;
    }

    /// <summary>Puts a value if the key is absent: never written, deleted, or expired. Nobody's write comes between.</summary>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="value">0 bytes to the smaller of 64 MiB and an eighth of the memory budget.</param>
    /// <param name="version">The version of the entry that is there now: the one put, or the one that was in the way.</param>
    /// <param name="timeToLive">When the entry expires, counted from this call; default: never.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>Whether the value was put. Errors as those of a put.</returns>
    /// <exception cref="CorruptDataException">A file that the condition needs is damaged: nothing was written.</exception>
    public bool TryPutIfAbsent(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, out EntryVersion version,
        TimeSpan? timeToLive = null, Durability? durability = null) =>
        TryPut(new Database.SingleCondition(ConditionKind.Absent), key, value, out version, timeToLive, durability);

    /// <summary>
    /// Puts a value if the key's entry is still a version. Parameters, result and errors as <see cref="TryPutIfAbsent"/>.
    /// </summary>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="value">0 bytes to the smaller of 64 MiB and an eighth of the memory budget.</param>
    /// <param name="expected">The version; <see cref="EntryVersion.None"/>: the key must be absent.</param>
    /// <param name="version">The version that is there now; <see cref="EntryVersion.None"/> when the key is absent.</param>
    /// <param name="timeToLive">When the entry expires, counted from this call; default: never.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>Whether the value was put.</returns>
    public bool TryPutIfVersion(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, EntryVersion expected, out EntryVersion version,
        TimeSpan? timeToLive = null, Durability? durability = null) =>
        TryPut(
            new Database.SingleCondition(ConditionKind.Version, default, expected.Sequence), key, value, out version, timeToLive,
            durability);

    /// <summary>Puts a value if the key has another. Parameters, result and errors as <see cref="TryPutIfAbsent"/>.</summary>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="value">0 bytes to the smaller of 64 MiB and an eighth of the memory budget.</param>
    /// <param name="expected">The value that the key must have.</param>
    /// <param name="version">The version that is there now; <see cref="EntryVersion.None"/> when the key is absent.</param>
    /// <param name="timeToLive">When the entry expires, counted from this call; default: never.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>Whether the value was put.</returns>
    public bool TryPutIfValue(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ReadOnlySpan<byte> expected, out EntryVersion version,
        TimeSpan? timeToLive = null, Durability? durability = null)
    {
        Database.Limits.CheckValue(expected);
        return TryPut(new Database.SingleCondition(ConditionKind.Value, expected), key, value, out version, timeToLive, durability);
    }

    /// <summary>Removes a key if its entry is still a version. Errors as <see cref="TryPutIfAbsent"/>.</summary>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="expected">The version.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>Whether the key was removed.</returns>
    public bool TryDeleteIfVersion(ReadOnlySpan<byte> key, EntryVersion expected, Durability? durability = null) =>
        Database.TryDelete(
            new Database.SingleCondition(ConditionKind.Version, default, expected.Sequence), Identity, key, durability).IsCommitted;

    /// <summary>Removes a key if it has a value. Errors as <see cref="TryPutIfAbsent"/>.</summary>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="expected">The value that the key must have.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>Whether the key was removed.</returns>
    public bool TryDeleteIfValue(ReadOnlySpan<byte> key, ReadOnlySpan<byte> expected, Durability? durability = null)
    {
        Database.Limits.CheckValue(expected);
        return Database.TryDelete(new Database.SingleCondition(ConditionKind.Value, expected), Identity, key, durability).IsCommitted;
    }

    private bool TryPut(
        in Database.SingleCondition condition, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, out EntryVersion version,
        TimeSpan? timeToLive, Durability? durability)
    {
        ulong expiry = timeToLive is { } time ? ExpiryTime.After(Database.Clock.ReadTime(), time) : 0;
        CommitOutcome outcome = Database.TryPut(condition, Identity, key, value, expiry, durability);
        version = new EntryVersion(outcome.IsCommitted ? outcome.Sequence : outcome.ActualVersion);
        return outcome.IsCommitted;
    }

    private ref struct VersionedCopier(Span<byte> destination) : IValueReader
    {
        private readonly Span<byte> _destination = destination;

        public int Length { get; private set; }

        public EntryVersion Version { get; private set; }

        public void Read(in FoundEntry found)
        {
            Length = found.Length;
            Version = new EntryVersion(Entries.Trailer.Sequence(found.Trailer));
            if (Length <= _destination.Length) found.CopyTo(_destination);
        }
    }
}
