namespace Varve;

/// <summary>What a change did.</summary>
public enum ChangeKind
{
    /// <summary>The key got the value.</summary>
    Put = 0,

    /// <summary>The key was deleted, whether it was there or not.</summary>
    Delete = 1,

    /// <summary>All keys from <see cref="Change.Key"/> up to <see cref="Change.EndKey"/> were deleted.</summary>
    DeleteRange = 2,

    /// <summary>The map was dropped with all its entries.</summary>
    DropMap = 3,

    /// <summary>
    /// Sorted entries were ingested past the log: all of them lie from <see cref="Change.Key"/> to <see cref="Change.EndKey"/>, both
    /// inside. Read them from the map. Comes also for an ingest that failed in its last step, or that a crash cut short there: the map
    /// then holds what it held before.
    /// </summary>
    Ingest = 4,
}

/// <summary>One operation of a committed batch. Its memory is its own and stays as it is.</summary>
public readonly struct Change
{
    private readonly long _expiryMilliseconds;

    internal Change(
        ChangeKind kind,
        string mapName,
        ReadOnlyMemory<byte> key,
        ReadOnlyMemory<byte> endKey,
        ReadOnlyMemory<byte> value,
        long expiryMilliseconds)
    {
        Kind = kind;
        MapName = mapName;
        Key = key;
        EndKey = endKey;
        Value = value;
        _expiryMilliseconds = expiryMilliseconds;
    }

    /// <summary>What it did.</summary>
    public ChangeKind Kind { get; }

    /// <summary>The map's name; also where the map has been dropped since.</summary>
    public string MapName { get; }

    /// <summary>The key; the first one of a deleted range or an ingest; empty for a dropped map.</summary>
    public ReadOnlyMemory<byte> Key { get; }

    /// <summary>
    /// Where a deleted range ends, exclusive; empty: at the map's end. The last key of an ingest. Empty for everything else.
    /// </summary>
    public ReadOnlyMemory<byte> EndKey { get; }

    /// <summary>The value of a put; else empty.</summary>
    public ReadOnlyMemory<byte> Value { get; }

    /// <summary>When the entry of a put expires, in whole milliseconds; null: never. That it has expired is no change.</summary>
    public DateTimeOffset? Expiry =>
        _expiryMilliseconds == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(_expiryMilliseconds);
}
