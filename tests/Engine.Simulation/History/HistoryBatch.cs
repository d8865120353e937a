using System.Buffers.Binary;
using Varve.Commit;

namespace Varve.Simulation;

/// <summary>One operation: map and key by their index; a null value deletes.</summary>
/// <param name="Map">Index of the map.</param>
/// <param name="Key">Index of the key; of the first one where a range is deleted.</param>
/// <param name="Value">Null: a delete.</param>
/// <param name="EndKey">Where a range is deleted, the first key behind it; the count of keys: none. Else 0.</param>
/// <param name="Drops">The map goes with all its keys; the only operation of its batch.</param>
internal readonly record struct HistoryOperation(int Map, int Key, byte[]? Value, int EndKey = 0, bool Drops = false)
{
    public bool IsRange => EndKey > 0;

    /// <summary>From when the entry ends, counted from the put; null: it does not. What is not above zero is over at once.</summary>
    public TimeSpan? TimeToLive { get; init; }

    /// <summary>The time from which the entry is absent, known when it is put; 0: never.</summary>
    public long Expiry { get; init; }
}

/// <summary>What a batch asks before it is written.</summary>
/// <param name="Kind">What must hold.</param>
/// <param name="Map">Index of the map.</param>
/// <param name="Key">Index of the key.</param>
/// <param name="Version">The version wanted; 0: none.</param>
/// <param name="Value">The value wanted.</param>
internal readonly record struct HistoryCondition(ConditionKind Kind, int Map, int Key, ulong Version, byte[] Value);

/// <summary>An entry that a map is expected to hold.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">The value.</param>
/// <param name="Expiry">The time from which it is absent; 0: never.</param>
/// <param name="Version">The sequence that its version stands for.</param>
internal readonly record struct HistoryEntry(byte[] Key, byte[] Value, long Expiry, ulong Version);

/// <summary>What a read reads at: a sequence, the time that says what has expired, and the snapshot that fixed both; null: now.</summary>
internal readonly record struct HistoryMoment(ulong Sequence, long Milliseconds, Snapshot? Snapshot = null);

/// <summary>A batch as the history wrote it; its last operation puts its number into the journal map.</summary>
internal sealed class HistoryBatch(int number, HistoryOperation[] operations, bool isIngest, HistoryCondition[] conditions)
{
    public byte[] JournalKey { get; } = KeyOf(number);

    public byte[] JournalValue { get; } = [(byte)operations.Length];

    public HistoryOperation[] Operations => operations;

    /// <summary>In the order in which they are asked.</summary>
    public HistoryCondition[] Conditions => conditions;

    public int Number => number;

    /// <summary>It went past the log: the feed shows where its keys lie, not what they are.</summary>
    public bool IsIngest => isIngest;

    /// <summary>The sequence of its last operation; 0 until it is known.</summary>
    public ulong Sequence { get; set; }

    /// <summary>Its writer was told that it may happen or not.</summary>
    public bool IsOutcomeUnknown { get; set; }

    /// <summary>It did not happen, or a crash took it: it must never be seen again.</summary>
    public bool IsDead { get; set; }

    /// <summary>The sequence of one of its operations: each has its own, the journal's the last; those of an ingest share one.</summary>
    public ulong VersionOf(int operation) => isIngest ? Sequence : Sequence - (ulong)(operations.Length - operation);

    public static byte[] KeyOf(int number)
    {
        byte[] key = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(key, number);
        return key;
    }
}
