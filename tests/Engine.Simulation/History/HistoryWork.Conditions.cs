using Varve.Commit;

namespace Varve.Simulation;

/// <summary>Batches with conditions, about half of which hold, and the journal written by the conditional writes of one key.</summary>
internal sealed partial class HistoryWork
{
    public required HistoryOutcomes Outcomes { get; init; }

    /// <summary>Mostly what holds as far as the model knows; another writer may be faster.</summary>
    private HistoryCondition[] DrawConditions(Random own, HistoryOperation[] operations)
    {
        if (own.Next(100) >= options.ConditionalPercent || operations is [{ Drops: true }]) return [];
        var conditions = new HistoryCondition[own.Next(1, 5)];
        var now = new HistoryMoment(model.LastSequence, Reads.Time.Read());
        for (int i = 0; i < conditions.Length; i++)
        {
            int map = own.Next(options.MapNames.Length);
            int key = own.Next(options.Keys.Length);
            HistoryEntry? entry = model.ExpectedEntry(map, key, now);
            if (own.Next(6) == 0) entry = model.DrawEntry(own, map, key);
            byte[] value = own.Next(8) == 0 ? [1] : entry?.Value ?? [];
            ConditionKind kind = entry is null
                ? own.Next(2) == 0 ? ConditionKind.Absent : ConditionKind.Version
                : own.Next(3) switch { 0 => ConditionKind.Present, 1 => ConditionKind.Version, _ => ConditionKind.Value };
            if (own.Next(12) == 0) kind = (ConditionKind)own.Next((int)ConditionKind.Value + 1);
            conditions[i] = new HistoryCondition(kind, map, key, entry?.Version ?? 0, value);
        }

        return conditions;
    }

    private void AddConditions(WriteBatch write, HistoryBatch batch)
    {
        foreach (HistoryCondition condition in batch.Conditions)
        {
            SortedMap map = database.GetMap(options.MapNames[condition.Map]);
            byte[] key = options.Keys[condition.Key];
            switch (condition.Kind)
            {
                case ConditionKind.Absent:
                    write.RequireAbsent(map, key);
                    break;
                case ConditionKind.Present:
                    write.RequirePresent(map, key);
                    break;
                case ConditionKind.Version:
                    write.RequireVersion(map, key, new EntryVersion(condition.Version));
                    break;
                default:
                    write.RequireValue(map, key, condition.Value);
                    break;
            }
        }
    }

    /// <summary>0 when a condition did not hold: the batch is refused then.</summary>
    private ulong SendConditional(Random own, WriteBatch write, HistoryBatch batch, ulong before, Durability durability)
    {
        HistoryOutcome asked = Outcomes.Begin(batch, before, Reads.Time);
        WriteOutcome outcome;
        if (own.Next(4) != 0)
        {
            outcome = database.TryWrite(write, durability);
        }
        else
        {
            // As TryWriteAsync does, but for its continuation: that runs on the thread pool, whose time no seed decides.
            CommitRequest sent = database.Commit.QueueAsync(write.Buffer, write.Conditions, durability, CancellationToken.None);
            while (!sent.Completion!.Task.IsCompleted) scheduler.SpinOnce();
            sent.Completion.Task.GetAwaiter().GetResult();
            outcome = write.ToOutcome(CommitOutcome.Of(sent));
        }

        if (IsOver) return 0;
        asked.End(outcome, database.LatestSequence, Reads.Time);
        if (outcome.IsCommitted) return outcome.Sequence;
        HistoryCondition failed = batch.Conditions[outcome.FailedCondition];
        bool isNamed = outcome.FailedMap!.Name == options.MapNames[failed.Map]
            && outcome.FailedKey!.SequenceEqual(options.Keys[failed.Key]);
        if (!isNamed) throw new HistoryViolationException($"condition {outcome.FailedCondition} failed, but another map or key is named");
        model.Refuse(batch);
        return 0;
    }

    /// <summary>A batch without operations: the journal's entry alone, by one of the ways to write one key.</summary>
    private ulong SendAlone(Random own, SortedMap journal, HistoryBatch batch, Durability durability)
    {
        if (own.Next(2) == 0) CheckRefused(own, journal);
        EntryVersion version;
        bool isPut = true;
        switch (own.Next(3))
        {
            case 0:
                isPut = journal.TryPutIfAbsent(batch.JournalKey, batch.JournalValue, out version, durability: durability);
                break;
            case 1:
                isPut = journal.TryPutIfVersion(
                    batch.JournalKey, batch.JournalValue, EntryVersion.None, out version, durability: durability);
                break;
            default:
                return journal.Put(batch.JournalKey, batch.JournalValue, durability);
        }

        if (!isPut && !IsOver)
            throw new HistoryViolationException($"the journal's new entry {batch.Number} is there as {version.Sequence}");
        return version.Sequence;
    }

    /// <summary>Entries of the journal never change: what asks for another version, value or none at all does nothing.</summary>
    private void CheckRefused(Random own, SortedMap journal)
    {
        HistoryBatch other = model.Batches[own.Next(model.Batches.Count)];
        if (other.IsDead || other.Sequence == 0) return;
        byte[] key = other.JournalKey;
        byte[] wrong = [.. other.JournalValue, 1];
        var another = new EntryVersion(other.Sequence + 1);
        EntryVersion version = new(other.Sequence);
        bool isChanged = own.Next(5) switch
        {
            0 => journal.TryPutIfAbsent(key, wrong, out version, TimeSpan.FromMilliseconds(1)),
            1 => journal.TryPutIfVersion(key, wrong, another, out version),
            2 => journal.TryPutIfValue(key, wrong, wrong, out version),
            3 => journal.TryDeleteIfVersion(key, another),
            _ => journal.TryDeleteIfValue(key, wrong),
        };
        if (IsOver || (!isChanged && version.Sequence == other.Sequence)) return;
        string what = isChanged ? "was changed" : $"is told to be {version.Sequence}";
        throw new HistoryViolationException($"the journal's entry {other.Number} of version {other.Sequence} {what}");
    }
}
