namespace Varve.Sharing;

/// <summary>Operations over any number of maps that are committed together, all or none, and what must hold for that. Plain data.</summary>
public sealed class StoreBatch
{
    /// <summary>What is written, in this order. Empty: the batch only asks its conditions.</summary>
    public IReadOnlyList<StoreOperation> Operations { get; init; } = [];

    /// <summary>What must hold.</summary>
    public IReadOnlyList<StoreCondition> Conditions { get; init; } = [];

    /// <summary>When the write is acknowledged; default: the database's level.</summary>
    public Durability? Durability { get; init; }
}

/// <summary>What an operation of a <see cref="StoreBatch"/> does. Sent between processes: never renumber.</summary>
public enum StoreOperationKind
{
    /// <summary>The key gets the value.</summary>
    Put = 0,

    /// <summary>The key goes, whether it is there or not.</summary>
    Delete = 1,

    /// <summary>All keys from the key (inclusive) to the value (exclusive) go; empty: no bound.</summary>
    DeleteRange = 2,
}

/// <summary>One operation of a <see cref="StoreBatch"/>.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Map">The map's name, 1 to 255 bytes of UTF-8.</param>
/// <param name="Key">0 to 16,384 bytes; where a range begins.</param>
/// <param name="Value">The value of a put; where a range ends; else empty.</param>
public readonly record struct StoreOperation(
    StoreOperationKind Kind, string Map, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value)
{
    /// <summary>Gives a key a value.</summary>
    /// <param name="map">The map's name.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    public static StoreOperation Put(string map, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value) =>
        new(StoreOperationKind.Put, map, key, value);

    /// <summary>Removes a key; no error where it is absent.</summary>
    /// <param name="map">The map's name.</param>
    /// <param name="key">The key.</param>
    public static StoreOperation Delete(string map, ReadOnlyMemory<byte> key) => new(StoreOperationKind.Delete, map, key, default);

    /// <summary>Removes the keys between two bounds.</summary>
    /// <param name="map">The map's name.</param>
    /// <param name="start">First key; empty: from the first entry.</param>
    /// <param name="end">First key behind the range; empty: to the last entry.</param>
    public static StoreOperation DeleteRange(string map, ReadOnlyMemory<byte> start, ReadOnlyMemory<byte> end) =>
        new(StoreOperationKind.DeleteRange, map, start, end);
}

/// <summary>What a condition of a <see cref="StoreBatch"/> asks. Sent between processes: never renumber.</summary>
public enum StoreConditionKind
{
    /// <summary>The key is absent.</summary>
    Absent = 0,

    /// <summary>The key is present.</summary>
    Present = 1,

    /// <summary>The key has exactly this value.</summary>
    Value = 2,
}

/// <summary>One condition of a <see cref="StoreBatch"/>.</summary>
/// <param name="Kind">What it asks.</param>
/// <param name="Map">The map's name, 1 to 255 bytes of UTF-8.</param>
/// <param name="Key">0 to 16,384 bytes.</param>
/// <param name="Expected">The value that the key must have; empty for other kinds.</param>
public readonly record struct StoreCondition(
    StoreConditionKind Kind, string Map, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Expected)
{
    /// <summary>Holds where the key is absent: never written, deleted or expired.</summary>
    /// <param name="map">The map's name.</param>
    /// <param name="key">The key.</param>
    public static StoreCondition Absent(string map, ReadOnlyMemory<byte> key) => new(StoreConditionKind.Absent, map, key, default);

    /// <summary>Holds where the key is present.</summary>
    /// <param name="map">The map's name.</param>
    /// <param name="key">The key.</param>
    public static StoreCondition Present(string map, ReadOnlyMemory<byte> key) => new(StoreConditionKind.Present, map, key, default);

    /// <summary>Holds where the key has exactly this value.</summary>
    /// <param name="map">The map's name.</param>
    /// <param name="key">The key.</param>
    /// <param name="expected">The value.</param>
    public static StoreCondition Value(string map, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> expected) =>
        new(StoreConditionKind.Value, map, key, expected);
}

/// <summary>How a <see cref="StoreBatch"/> ended.</summary>
/// <param name="IsCommitted">True when all conditions held and the batch was written.</param>
/// <param name="Sequence">The sequence of its last operation: a position of the change feed. 0 when not written.</param>
/// <param name="FailedCondition">The first condition that did not hold, counted from 0; -1 when all did.</param>
public readonly record struct StoreOutcome(bool IsCommitted, ulong Sequence, int FailedCondition);
