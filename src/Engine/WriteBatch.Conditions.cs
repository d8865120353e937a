using Varve.Commit;
using Varve.Entries;

namespace Varve;

// Conditions: what must hold for the batch to be written.
public sealed partial class WriteBatch
{
    private readonly List<SortedMap> _conditionMaps = [];
    private ConditionList? _conditions;

    /// <summary>Conditions in the batch. With one, it is written by <see cref="Database.TryWrite"/>.</summary>
    public int ConditionCount => _conditionMaps.Count;

    internal ConditionList? Conditions => ConditionCount > 0 ? _conditions : null;

    /// <summary>The batch is written only if the key is absent: never written, deleted, or expired.</summary>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <exception cref="ArgumentException">
    /// Key or conditions are over their limit, or the map belongs to another database. The batch is as before.
    /// </exception>
    public void RequireAbsent(SortedMap map, ReadOnlySpan<byte> key) => Require(ConditionKind.Absent, map, key);

    /// <summary>The batch is written only if the key is present.</summary>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <exception cref="ArgumentException">
    /// Key or conditions are over their limit, or the map belongs to another database. The batch is as before.
    /// </exception>
    public void RequirePresent(SortedMap map, ReadOnlySpan<byte> key) => Require(ConditionKind.Present, map, key);

    /// <summary>The batch is written only if the key's entry is still this version.</summary>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="version">As a read or write gave it; <see cref="EntryVersion.None"/>: the key must be absent.</param>
    /// <exception cref="ArgumentException">
    /// Key or conditions are over their limit, or the map belongs to another database. The batch is as before.
    /// </exception>
    public void RequireVersion(SortedMap map, ReadOnlySpan<byte> key, EntryVersion version) =>
        Require(ConditionKind.Version, map, key, value: default, version.Sequence);

    /// <summary>The batch is written only if the key has exactly this value.</summary>
    /// <param name="map">A map of the batch's database.</param>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="value">The value; its bytes are copied.</param>
    /// <exception cref="ArgumentException">
    /// Key, value or conditions are over their limit (a quarter of the memory budget for the conditions of a batch), or the map belongs to
    /// another database. The batch is as before.
    /// </exception>
    public void RequireValue(SortedMap map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        Database.Limits.CheckValue(value);
        Require(ConditionKind.Value, map, key, value);
    }

    internal void CheckUnconditional()
    {
        if (ConditionCount == 0) return;
        throw new InvalidOperationException("The batch has conditions: write it with Database.TryWrite or TryWriteAsync.");
    }

    internal WriteOutcome ToOutcome(CommitOutcome outcome)
    {
        if (outcome.IsCommitted) return new WriteOutcome(outcome.Sequence, Buffer.Count);
        SortedMap map = _conditionMaps[outcome.FailedCondition];
        byte[] key = _conditions!.KeyOf(outcome.FailedCondition)[map.Identity.Prefix.Length..].ToArray();
        return new WriteOutcome(outcome.FailedCondition, map, key, new EntryVersion(outcome.ActualVersion));
    }

    private void Require(ConditionKind kind, SortedMap map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value = default, ulong version = 0)
    {
        MapIdentity identity = Check(map, key);
        Database.Limits.CheckConditions(_conditions?.Length ?? 0, key.Length, value.Length);
        (_conditions ??= new ConditionList()).Add(kind, identity, key, value, version);
        _conditionMaps.Add(map);
    }
}
