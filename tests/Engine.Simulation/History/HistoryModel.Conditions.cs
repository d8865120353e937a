namespace Varve.Simulation;

/// <summary>What conditions need to know.</summary>
internal sealed partial class HistoryModel
{
    /// <summary>A version that the key had once, or has; null: none, or one that deleted it.</summary>
    public HistoryEntry? DrawEntry(Random random, int map, int key)
    {
        List<Version> versions = _versions[map, key];
        if (versions.Count == 0 || versions[random.Next(versions.Count)] is not { Value: { } value } version) return null;
        return new HistoryEntry(options.Keys[key], value, version.Expiry, version.EntrySequence);
    }

    /// <summary>Somebody dropped one of the maps meanwhile: a handle from before sees nothing of what the name holds later.</summary>
    public bool MayBeDroppedBetween(HistoryCondition[] conditions, ulong before, ulong last)
    {
        foreach (HistoryBatch batch in _batches)
        {
            bool isBetween = IsThere(batch, last) && batch.Sequence > before;
            if (!isBetween || batch.Operations is not [{ Drops: true } drop]) continue;
            if (Array.Exists(conditions, condition => condition.Map == drop.Map)) return true;
        }

        return false;
    }
}
