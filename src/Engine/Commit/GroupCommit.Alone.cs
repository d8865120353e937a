using Varve.Diagnostics;
using Varve.Entries;
using Varve.Memory;

namespace Varve.Commit;

// A group of one.
internal sealed partial class GroupCommit
{
    private readonly List<CommitRequest> _one = [];

    /// <summary>As for a group.</summary>
    public void Execute(CommitRequest alone)
    {
        if (!IsPlain(alone))
        {
            _one.Clear();
            _one.Add(alone);
            Execute(_one);
            return;
        }

        try
        {
            ThrowIfStopped();
            _room.SettleIngest();
            WritePlain(alone);
        }
        catch (Exception failure)
        {
            if (!LeavesStoreConsistent(failure)) Stop(failure);
            throw;
        }
    }

    /// <summary>Whether it writes entries to maps whose names stand, and nothing else: the usual case.</summary>
    private bool IsPlain(CommitRequest request) =>
        request is { Kind: CommitKind.Write, Conditions: null, Batch: { HasEntriesOnly: true } batch } && FindDropped(batch) is null;

    /// <summary>As <see cref="WriteAll"/>.</summary>
    private void WritePlain(CommitRequest request)
    {
        long started = EngineMeter.CommitDuration.Enabled ? Events.Clock.GetTimestamp() : 0;
        BatchBuffer batch = request.Batch!;
        _pacer.Delay(batch.Length);
        MemTable active = MakeRoom(batch.Count, batch.KeyBytes, batch.ValueBytes, rangeCount: 0);
        _lastSequence = batch.Count == 1 ? WriteOne(request, active) : WriteEntries(request, active);
        _views.Publish(_lastSequence);
        Counters.CountGroup(batches: 1, (ulong)batch.Count, batch.Length);
        RecordDuration(EngineMeter.CommitDuration, started);
    }

    private ulong WriteEntries(CommitRequest request, MemTable active)
    {
        Log(request, _lastSequence);
        Persist(request.Durability);
        return Apply(request, active, _lastSequence);
    }

    private ulong WriteOne(CommitRequest request, MemTable active)
    {
        var reader = new BatchReader(request.Batch!.Span, request.Batch.LastValue);
        bool isRead = reader.TryNext();
        Invariant.Holds(isRead && reader.RestBytes == 0);

        // The key's place in memory comes near while the record is logged.
        RadixPlace place = active.Approach(reader.Key);
        ulong sequence = Log(request, _lastSequence);
        Persist(request.Durability);
        active.Insert(place, reader.Key, Trailer.Pack(sequence, reader.Kind), reader.Value);
        return sequence;
    }
}
