namespace Varve.Entries;

/// <summary>What an entry says of its key. Stored on disk (low byte of the trailer): never renumber.</summary>
[Flags]
internal enum EntryKind : byte
{
    /// <summary>The key is deleted; the value is empty.</summary>
    Tombstone = 0,

    /// <summary>The key has the value.</summary>
    Value = 1,

    /// <summary>All keys from the key up to the value (exclusive) are deleted. In batches; tables keep such tombstones apart.</summary>
    RangeTombstone = 2,

    /// <summary>
    /// Only in the log: tables were ingested whose keys lie from the key to the value, both inside. Says where in the order of writes; the
    /// manifest has the tables.
    /// </summary>
    Ingest = 3,

    /// <summary>Flag on <see cref="Value"/>: the value is a handle to bytes that stand in a block of their own.</summary>
    Separate = 0x10,

    /// <summary>Flag on <see cref="Value"/>: the value begins with an expiry, u64, milliseconds since 1970 UTC.</summary>
    Expiring = 0x20,
}
