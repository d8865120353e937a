using System.Diagnostics.Metrics;
using System.Text;
using Varve.Bytes;
using Varve.Diagnostics;
using Varve.Entries;
using Varve.Log;
using Varve.Memory;
using Varve.Reading;
using Varve.Runtime;

namespace Varve.Commit;

/// <summary>
/// What a leader does with its group: log first, then memory, then publish. Used by one thread at a time, the leader of the
/// <see cref="CommitQueue"/>; the stop may come from anybody.
/// </summary>
internal sealed partial class GroupCommit
{
    private readonly LogWriter _log;
    private readonly ReadViews _views;
    private readonly IFlushRoom _room;
    private readonly WritePacer _pacer;
    private readonly MapIdentity _catalogue;
    private readonly GroupConditions _conditions;
    private readonly List<RangeTombstone> _ranges = [];
    private ulong _lastSequence;
    private ulong _nextMapId;
    private volatile Exception? _stopCause;

    /// <param name="log">Ended by <see cref="EndLog"/>.</param>
    /// <param name="views">Where writes become visible.</param>
    /// <param name="clock">The time at which conditions are asked.</param>
    /// <param name="room">Flushes what is frozen.</param>
    /// <param name="pacer">Slows writes down.</param>
    /// <param name="catalogue">The map of the names of maps.</param>
    /// <param name="nextMapId">Above the id of every map that was ever recorded.</param>
    public GroupCommit(
        LogWriter log, ReadViews views, StoreClock clock, IFlushRoom room, WritePacer pacer, MapIdentity catalogue, ulong nextMapId)
    {
        _nextMapId = nextMapId;
        _log = log;
        _views = views;
        _room = room;
        _pacer = pacer;
        _catalogue = catalogue;
        _conditions = new GroupConditions(views, clock);
        _lastSequence = log.AppendedSequence;
    }

    /// <summary>What stopped writing until the next open; null while writes are taken.</summary>
    public Exception? StopCause => _stopCause;

    /// <summary>Told when writing stops.</summary>
    public EngineEvents Events { get; set; } = EngineEvents.CreateSilent();

    public CommitCounters Counters { get; } = new();

    /// <summary>Takes no further writes: the reason is told to whoever tries.</summary>
    public void Stop(Exception cause)
    {
        if (Interlocked.CompareExchange(ref _stopCause, cause, null) is null) Events.Post(new WritingStoppedEvent { Cause = cause });
    }

    /// <summary>Does what the group asks: any number of writes, or one request of another kind.</summary>
    /// <exception cref="DatabaseReadOnlyException">Something stopped writing before.</exception>
    /// <exception cref="CommitOutcomeUnknownException">Logging failed; so does everything after it.</exception>
    /// <exception cref="StorageException">Nothing of the group was logged; it may be tried again.</exception>
    public void Execute(List<CommitRequest> group)
    {
        try
        {
            Do(group);
        }
        catch (Exception failure)
        {
            if (!LeavesStoreConsistent(failure)) Stop(failure);
            throw;
        }
    }

    /// <summary>
    /// Hands everything logged to the system and states in the log what is durable. A failure is told to whoever writes next.
    /// </summary>
    public void Mark()
    {
        if (_stopCause is not null) return;
        try
        {
            _room.SettleIngest();
            _log.WriteMark();
        }
        catch (StorageException) when (!_log.IsSealed)
        {
            // No room for the segment that the mark would begin: a writer will be told, or the next mark finds room.
        }
        catch (Exception failure)
        {
            Stop(failure);
        }
    }

    /// <summary>Ends the log; null where writing had been stopped, so that the next open recovers.</summary>
    public LogEnd? EndLog()
    {
        if (_stopCause is not null) return null;
        _room.SettleIngest();
        return _log.Close();
    }

    private void Do(List<CommitRequest> group)
    {
        CommitRequest first = group[0];
        ThrowIfStopped();
        _room.SettleIngest();
        switch (first.Kind)
        {
            case CommitKind.Write:
                Write(group);
                break;
            case CommitKind.Sync:
                Persist(Durability.Synced);
                break;
            case CommitKind.Drain:
                DrainLog();
                break;
            case CommitKind.Rotate:
                if (!_views.Unpinned.Active.IsEmpty) Rotate(roomBytes: 0);
                break;
            case CommitKind.Ingest:
                Ingest(first);
                break;
            default:
                throw new InvariantViolatedException($"A commit request of unknown kind {first.Kind}.");
        }
    }

    private void ThrowIfStopped()
    {
        if (_stopCause is not { } cause) return;
        throw new DatabaseReadOnlyException("The database takes no writes until it is opened again: " + cause.Message, cause);
    }

    /// <summary>What dropped maps and conditions leave of the group is written.</summary>
    private void Write(List<CommitRequest> requests)
    {
        List<CommitRequest> admitted = Admit(requests);
        try
        {
            if (admitted.Count > 0) WriteAdmitted(admitted);
        }
        finally
        {
            if (_droppedNow.Count > 0) SettleDrops(requests);
        }
    }

    private void WriteAdmitted(List<CommitRequest> group)
    {
        foreach (CommitRequest request in group)
        {
            if (request.Batch!.UnrecordedMaps.Count > 0) AddNames(request);
        }

        if (!GroupConditions.HasAny(group))
        {
            WriteAll(group);
            return;
        }

        List<CommitRequest> passed = _conditions.Select(group, _lastSequence);
        if (passed.Count > 0) WriteAll(passed);
        if (passed.Find(static request => request.Failure is not null) is { } refused) GroupConditions.PassRefusalOn(group, refused);
        _conditions.Clear();
    }

    /// <summary>Log first, then memory, then publish.</summary>
    private void WriteAll(List<CommitRequest> group)
    {
        long started = EngineMeter.CommitDuration.Enabled ? Events.Clock.GetTimestamp() : 0;
        long groupBytes = 0;
        var durability = Durability.None;
        foreach (CommitRequest request in group)
        {
            groupBytes += request.Batch!.Length;
            if (request.Durability < durability) durability = request.Durability;
        }

        _pacer.Delay(groupBytes);
        MemTable active = MakeRoom(group);
        LogGroup(group);
        if (group[0].Failure is null) Persist(durability);
        ulong sequence = Apply(group, active);
        ulong operations = sequence - _lastSequence;
        _lastSequence = sequence;
        _views.Publish(sequence);
        int batches = 0;
        foreach (CommitRequest request in group)
        {
            if (request.Failure is not null)
            {
                groupBytes -= request.Batch!.Length;
                continue;
            }

            batches++;
            for (int i = 0; i < request.Recorded.Count; i++) request.Recorded[i].MarkRecorded();
            request.Batch!.DroppedMap?.MarkDropped(request.Sequence);
        }

        Counters.CountGroup(batches, operations, groupBytes);
        RecordDuration(EngineMeter.CommitDuration, started);
    }

    /// <summary>Nothing where nobody listened when the work began.</summary>
    private void RecordDuration(Histogram<double> histogram, long started)
    {
        if (started != 0) histogram.Record(Events.Clock.GetElapsedTime(started).TotalSeconds, Events.Tag);
    }

    /// <summary>Puts the catalogue's records of maps that are new in front of the batch that uses them first.</summary>
    private void AddNames(CommitRequest request)
    {
        BatchBuffer batch = request.Batch!;
        BatchBuffer? withNames = null;
        Span<byte> id = stackalloc byte[Varint.BytesMax];
        ulong nextMapId = _nextMapId;
        foreach (MapIdentity map in batch.UnrecordedMaps)
        {
            if (map.IsRecorded) continue;
            withNames ??= new BatchBuffer();
            int idBytes = Varint.Write(id, map.Id);
            withNames.AddPut(_catalogue, Encoding.UTF8.GetBytes(map.Name), id[..idBytes]);
            nextMapId = Math.Max(nextMapId, map.Id + 1);
        }

        if (withNames is null) return;

        // Under the empty name stands the next id, so that one is never given again when its map is dropped.
        withNames.AddPut(_catalogue, [], id[..Varint.Write(id, nextMapId)]);
        _nextMapId = nextMapId;
        withNames.AddAll(batch);
        request.Record(withNames, batch.UnrecordedMaps);
    }

    /// <summary>Logs the batches in order. Where the log cannot grow, the rest of the group fails and nothing of it was written.</summary>
    private void LogGroup(List<CommitRequest> group)
    {
        ulong sequence = _lastSequence;
        for (int i = 0; i < group.Count; i++)
        {
            try
            {
                sequence = Log(group[i], sequence);
            }
            catch (StorageException failure)
            {
                for (int refused = i; refused < group.Count; refused++) group[refused].Failure = failure;
                return;
            }
        }
    }

    /// <summary>Logs one batch behind a sequence; returns its last.</summary>
    /// <exception cref="StorageException">The log cannot grow: nothing was written.</exception>
    private ulong Log(CommitRequest request, ulong sequence)
    {
        BatchBuffer batch = request.Batch!;
        try
        {
            _log.Append(sequence + 1, batch.Count, batch.Span, batch.LastValue);
        }
        catch (Exception failure) when (failure is not StorageException || _log.IsSealed)
        {
            Stop(failure);
            throw new CommitOutcomeUnknownException(failure);
        }

        return request.Sequence = sequence + (ulong)batch.Count;
    }

    /// <summary>
    /// What fails here seals the log: what of it is on the device is not known, so nothing is acknowledged until the next open.
    /// </summary>
    private void Persist(Durability durability)
    {
        try
        {
            if (durability == Durability.Synced) SyncLog();
            else if (durability == Durability.Buffered) _log.Keep();
        }
        catch (Exception failure)
        {
            Stop(failure);
            throw new CommitOutcomeUnknownException(failure);
        }
    }

    private void DrainLog()
    {
        try
        {
            _log.Drain();
        }
        catch (Exception failure)
        {
            Stop(failure);
            throw new CommitOutcomeUnknownException(failure);
        }
    }

    private void SyncLog()
    {
        long started = EngineMeter.LogSyncDuration.Enabled ? Events.Clock.GetTimestamp() : 0;
        _log.Sync();
        RecordDuration(EngineMeter.LogSyncDuration, started);
    }

    private ulong Apply(List<CommitRequest> group, MemTable active)
    {
        ulong sequence = _lastSequence;
        foreach (CommitRequest request in group)
        {
            if (request.Failure is not null) break;
            sequence = Apply(request, active, sequence);
        }

        if (_ranges.Count == 0) return sequence;
        active.AddRanges(_ranges);
        _ranges.Clear();
        return sequence;
    }

    private ulong Apply(CommitRequest request, MemTable active, ulong sequence)
    {
        var reader = new BatchReader(request.Batch!.Span, request.Batch.LastValue);
        while (reader.TryNext())
        {
            sequence++;
            if (reader.Kind == EntryKind.RangeTombstone)
                _ranges.Add(new RangeTombstone(reader.Key.ToArray(), reader.Value.ToArray(), sequence));
            else
                active.Insert(reader.Key, Trailer.Pack(sequence, reader.Kind), reader.Value);
        }

        Invariant.Holds(reader.RestBytes == 0 && sequence == request.Sequence);
        return sequence;
    }

    /// <summary>
    /// True for what ends a write before it was logged (the close of the database among it), or has stopped the database already.
    /// Anything else (managed memory running out, a broken invariant) leaves a state nobody checked: nothing more is written until the
    /// next open.
    /// </summary>
    private static bool LeavesStoreConsistent(Exception failure) =>
        failure is StorageException or MemoryBudgetException or DatabaseReadOnlyException or CommitOutcomeUnknownException
            or MapDroppedException or ObjectDisposedException;
}
