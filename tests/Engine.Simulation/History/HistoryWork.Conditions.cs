namespace Varve.Simulation;

/// <summary>Writes under a condition.</summary>
internal sealed partial class HistoryWork
{
    private readonly byte[] _conditionValue = new byte[32 << 10];

    /// <summary>A put under one condition on its key. Where nobody else writes, the model says whether it must hold.</summary>
    private void WriteIf()
    {
        int map = random.Next(options.MapNames.Length);
        int key = random.Next(options.Keys.Length);
        SortedMap target = database.GetMap(options.MapNames[map]);
        using WriteBatch write = database.CreateBatch();
        bool holds = Require(write, target, map, key);
        byte[] value = HistoryContent.DrawValue(random, options.LargeValueOneIn);
        HistoryBatch batch = model.Begin([new HistoryOperation(map, key, value)]);
        write.Put(target, options.Keys[key], value);
        write.Put(database.GetMap(HistoryModel.JournalName), batch.JournalKey, batch.JournalValue);
        Durability durability = DrawDurability(random);
        WriteOutcome outcome;
        try
        {
            outcome = database.TryWrite(write, durability);
        }
        catch (Exception failure) when (failure is StorageException or DatabaseReadOnlyException or MemoryBudgetException)
        {
            model.Refuse(batch);
            throw;
        }
        catch (MapDroppedException) when (options.Writers > 1 && model.MayBeDropped(batch))
        {
            model.Refuse(batch);
            return;
        }
        catch (Exception failure) when (failure is CommitOutcomeUnknownException or OutOfMemoryException)
        {
            batch.IsOutcomeUnknown = true;
            throw;
        }

        if (IsOver) return;
        if (options.Writers == 1 && outcome.IsCommitted != holds)
            throw new HistoryViolationException($"a condition on key {key} of map {map} {(holds ? "must hold, but does not" : "must not hold, but does")}");
        if (outcome.IsCommitted) model.Acknowledge(batch, outcome.Sequence, durability);
        else model.Refuse(batch);
    }

    /// <summary>Draws a condition; returns whether it holds if nobody else writes.</summary>
    private bool Require(WriteBatch write, SortedMap target, int map, int key)
    {
        byte[] bytes = options.Keys[key];
        byte[]? present = model.ExpectedValue(map, key, database.LatestSequence);
        switch (random.Next(5))
        {
            case 0:
                write.RequireAbsent(target, bytes);
                return present is null;
            case 1:
                write.RequirePresent(target, bytes);
                return present is not null;
            case 2:
                write.RequireValue(target, bytes, present ?? []);
                return present is not null;
            case 3:
                target.TryGet(bytes, _conditionValue, out _, out EntryVersion version);
                write.RequireVersion(target, bytes, version);
                return true;
            default:
                write.RequireVersion(target, bytes, EntryVersion.None);
                return present is null;
        }
    }
}
