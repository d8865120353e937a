using Varve.Entries;
using Varve.Reading;
using Varve.Runtime;

namespace Varve.Commit;

/// <summary>
/// Decides which batches of a group are written: conditions are asked in the order of the queue, against the store and what the group's
/// earlier batches will do, all at one time. One thread at a time, the leader's.
/// </summary>
internal sealed class GroupConditions(ReadViews views, StoreClock clock)
{
    private readonly GroupOverlay _overlay = new();
    private readonly List<CommitRequest> _passed = [];

    public static bool HasAny(List<CommitRequest> group)
    {
        foreach (CommitRequest request in group)
        {
            if (request.Conditions is not null) return true;
        }

        return false;
    }

    /// <summary>
    /// The requests whose conditions hold and that have something to write; valid until the next call. The others know how they ended.
    /// </summary>
    /// <param name="group">Requests to write; their batches are as they will be logged.</param>
    /// <param name="lastSequence">The last one published.</param>
    public List<CommitRequest> Select(List<CommitRequest> group, ulong lastSequence)
    {
        Clear();
        int last = group.FindLastIndex(static request => request.Conditions is not null);
        ReadView view = views.Pin();
        try
        {
            var moment = new ReadMoment(lastSequence, clock.ReadTime());
            ulong sequence = lastSequence;
            for (int i = 0; i < group.Count; i++)
            {
                CommitRequest request = group[i];
                if (request.Conditions is not null && !Passes(request, view, moment)) continue;
                request.Sequence = sequence + (ulong)request.Batch!.Count;
                if (request.Batch.Count == 0) continue;
                if (i < last) _overlay.Add(request.Batch, sequence + 1);
                sequence = request.Sequence;
                _passed.Add(request);
            }
        }
        finally
        {
            view.Release();
        }

        return _passed;
    }

    /// <summary>
    /// What was decided behind a batch that the log then refused was decided on what did not happen: it is refused in the same way.
    /// </summary>
    public static void PassRefusalOn(List<CommitRequest> group, CommitRequest refused)
    {
        bool isBehind = false;
        foreach (CommitRequest request in group)
        {
            isBehind |= ReferenceEquals(request, refused);
            if (isBehind) request.Failure ??= refused.Failure;
        }
    }

    public void Clear()
    {
        _overlay.Clear();
        _passed.Clear();
    }

    /// <summary>A file that cannot be read fails this request, and no other.</summary>
    private bool Passes(CommitRequest request, ReadView view, in ReadMoment moment)
    {
        ConditionList conditions = request.Conditions!;
        try
        {
            for (int i = 0; i < conditions.Count; i++)
            {
                if (Holds(conditions, i, view, moment, out ulong actual)) continue;
                request.FailedCondition = i;
                request.ActualVersion = actual;
                return false;
            }
        }
        catch (Exception failure) when (failure is StorageException or CorruptDataException or MemoryBudgetException)
        {
            request.Failure = failure;
            return false;
        }

        return true;
    }

    private bool Holds(ConditionList conditions, int index, ReadView view, in ReadMoment moment, out ulong actual)
    {
        ReadOnlySpan<byte> key = conditions.KeyOf(index);
        ReadOnlySpan<byte> wanted = conditions.ValueOf(index);
        bool hasValue;
        if (_overlay.TryFind(key, out ulong trailer, out ReadOnlySpan<byte> stored))
        {
            bool isAbsent = moment.IsAbsent(trailer, Expiry.IsExpiring(trailer) ? Expiry.Read(stored) : 0);
            actual = isAbsent ? 0 : Trailer.Sequence(trailer);
            hasValue = !isAbsent && stored[Expiry.PrefixBytesOf(trailer)..].SequenceEqual(wanted);
        }
        else if (PointLookup.TryFind(view, key, moment.Sequence, out FoundEntry found))
        {
            try
            {
                bool isAbsent = found.IsAbsent(moment);
                actual = isAbsent ? 0 : Trailer.Sequence(found.Trailer);
                hasValue = !isAbsent && conditions.KindOf(index) == ConditionKind.Value && found.HasValue(wanted);
            }
            finally
            {
                found.Dispose();
            }
        }
        else
        {
            actual = 0;
            hasValue = false;
        }

        return conditions.KindOf(index) switch
        {
            ConditionKind.Absent => actual == 0,
            ConditionKind.Present => actual != 0,
            ConditionKind.Version => actual == conditions.VersionOf(index),
            _ => hasValue,
        };
    }
}
