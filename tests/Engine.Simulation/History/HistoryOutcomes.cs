using Varve.Commit;

namespace Varve.Simulation;

/// <summary>How a batch with conditions ended, and between which moments.</summary>
internal sealed class HistoryOutcome(HistoryBatch batch, ulong sequenceBefore, HistoryTime time)
{
    public HistoryBatch Batch => batch;

    /// <summary>Batches up to it came before.</summary>
    public ulong SequenceBefore => sequenceBefore;

    public long TimeBefore { get; } = time.Read();

    /// <summary>Batches behind it came after; 0 while there is no answer.</summary>
    public ulong SequenceAfter { get; private set; }

    public long TimeAfter { get; private set; } = long.MaxValue;

    /// <summary>The first condition that did not hold; -1: all did.</summary>
    public int Failed { get; private set; } = -1;

    /// <summary>The version it met.</summary>
    public ulong Actual { get; private set; }

    public void End(WriteOutcome outcome, ulong sequenceAfter, HistoryTime time)
    {
        SequenceAfter = sequenceAfter;
        TimeAfter = time.Read();
        Failed = outcome.FailedCondition;
        Actual = outcome.ActualVersion.Sequence;
        if (!outcome.IsCommitted) return;
        for (int i = 0; i < batch.Operations.Length; i++)
        {
            ulong expected = outcome.Sequence - (ulong)(batch.Operations.Length - i);
            if (outcome.GetVersion(i).Sequence == expected) continue;
            throw new HistoryViolationException(
                $"operation {i} of batch {batch.Number} wrote {outcome.GetVersion(i).Sequence}, not {expected}");
        }
    }
}

/// <summary>
/// Holds the outcomes of conditional batches against the model, once it knows all batches before them: a batch that was written has
/// conditions that all held just before it; one that was not has a place, between its call and its answer, at which they failed as told.
/// </summary>
internal sealed class HistoryOutcomes(HistoryModel model)
{
    private readonly List<HistoryOutcome> _open = [];

    public HistoryOutcome Begin(HistoryBatch batch, ulong sequenceBefore, HistoryTime time)
    {
        var outcome = new HistoryOutcome(batch, sequenceBefore, time);
        _open.Add(outcome);
        return outcome;
    }

    /// <summary>Everything up to the sequence is known; what a crash took behind it proves nothing.</summary>
    public void Check(ulong lastSequence)
    {
        foreach (HistoryOutcome outcome in _open)
        {
            HistoryBatch batch = outcome.Batch;
            if (outcome.Failed < 0)
            {
                bool isThere = HistoryModel.IsThere(batch, lastSequence);
                if (isThere && !model.MayBeDroppedBetween(batch.Conditions, outcome.SequenceBefore, batch.Sequence)) CheckWritten(outcome);
            }
            else if (outcome.SequenceAfter <= lastSequence)
            {
                bool mayBeDropped = model.MayBeDroppedBetween(batch.Conditions, outcome.SequenceBefore, outcome.SequenceAfter);
                if (!mayBeDropped) CheckRefused(outcome);
            }
        }

        _open.Clear();
    }

    private void CheckWritten(HistoryOutcome outcome)
    {
        HistoryBatch batch = outcome.Batch;
        foreach (HistoryMoment moment in Moments(outcome, [batch.Sequence - 1]))
        {
            if (FindFailed(batch, moment, out _) < 0) return;
        }

        throw new HistoryViolationException(
            $"batch {batch.Number} was written at {batch.Sequence}, but not all of its {Describe(batch)} held");
    }

    private void CheckRefused(HistoryOutcome outcome)
    {
        HistoryBatch batch = outcome.Batch;
        IEnumerable<ulong> between = model.Batches
            .Where(other => HistoryModel.IsThere(other, outcome.SequenceAfter) && other.Sequence > outcome.SequenceBefore)
            .Select(other => other.Sequence);
        foreach (HistoryMoment moment in Moments(outcome, [outcome.SequenceBefore, .. between]))
        {
            if (FindFailed(batch, moment, out ulong actual) == outcome.Failed && actual == outcome.Actual) return;
        }

        throw new HistoryViolationException(
            $"batch {batch.Number} was refused between {outcome.SequenceBefore} and {outcome.SequenceAfter}, because condition " +
            $"{outcome.Failed} of {Describe(batch)} met {outcome.Actual}; it did not");
    }

    /// <summary>At these places: the time before, and each at which one of the entries asked for expired during the call.</summary>
    private IEnumerable<HistoryMoment> Moments(HistoryOutcome outcome, IEnumerable<ulong> places)
    {
        foreach (ulong place in places)
        {
            yield return new HistoryMoment(place, outcome.TimeBefore);
            var before = new HistoryMoment(place, outcome.TimeBefore);
            foreach (HistoryCondition condition in outcome.Batch.Conditions)
            {
                long expiry = model.ExpectedEntry(condition.Map, condition.Key, before)?.Expiry ?? 0;
                if (expiry > outcome.TimeBefore && expiry <= outcome.TimeAfter) yield return new HistoryMoment(place, expiry);
            }
        }
    }

    /// <summary>-1 when all conditions hold.</summary>
    private int FindFailed(HistoryBatch batch, in HistoryMoment moment, out ulong actual)
    {
        actual = 0;
        for (int i = 0; i < batch.Conditions.Length; i++)
        {
            HistoryCondition condition = batch.Conditions[i];
            HistoryEntry? entry = model.ExpectedEntry(condition.Map, condition.Key, moment);
            actual = entry?.Version ?? 0;
            bool holds = condition.Kind switch
            {
                ConditionKind.Absent => entry is null,
                ConditionKind.Present => entry is not null,
                ConditionKind.Version => actual == condition.Version,
                _ => entry is { } found && found.Value.AsSpan().SequenceEqual(condition.Value),
            };
            if (!holds) return i;
        }

        return -1;
    }

    private static string Describe(HistoryBatch batch) => $"conditions [{string.Join(", ", batch.Conditions.Select(
        condition => $"{condition.Kind} {condition.Version} of key {condition.Key} in map {condition.Map}"))}]";
}
