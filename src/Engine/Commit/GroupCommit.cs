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
internal sealed class GroupCommit
{
    private readonly LogWriter _log;
    private readonly ReadViews _views;
    private readonly IFlushRoom _room;
    private readonly WritePacer _pacer;
    private readonly MapIdentity _catalogue;
    private readonly GroupConditions _conditions;
    private ulong _lastSequence;
    private volatile Exception? _stopCause;

    public GroupCommit(LogWriter log, ReadViews views, StoreClock clock, IFlushRoom room, WritePacer pacer, MapIdentity catalogue)
    {
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

    /// <summary>Takes no further writes: the reason is told to whoever tries.</summary>
    public void Stop(Exception cause)
    {
        Interlocked.CompareExchange(ref _stopCause, cause, null);
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
    public LogEnd? EndLog() => _stopCause is null ? _log.Close() : null;

    private void Do(List<CommitRequest> group)
    {
        CommitRequest first = group[0];
        if (_stopCause is { } cause)
        {
            throw new DatabaseReadOnlyException("The database takes no writes until it is opened again: " + cause.Message, cause);
        }

        switch (first.Kind)
        {
            case CommitKind.Write:
                Write(group);
                break;
            case CommitKind.Sync:
                Persist(Durability.Synced);
                break;
            case CommitKind.Rotate:
                if (_views.Unpinned.Active.EntryCount > 0) Rotate(roomBytes: 0);
                break;
            default:
                throw new InvariantViolatedException($"A commit request of unknown kind {first.Kind}.");
        }
    }

    /// <summary>What conditions leave of the group is written.</summary>
    private void Write(List<CommitRequest> group)
    {
        foreach (CommitRequest request in group) AddNames(request);
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
        long groupBytes = 0;
        var durability = Durability.None;
        foreach (CommitRequest request in group)
        {
            groupBytes += request.Batch!.Length;
            if (request.Durability < durability) durability = request.Durability;
        }

        _pacer.Delay(groupBytes);
        MemTable active = MakeRoom(group);
        LogGroup(group, durability);
        ulong sequence = Apply(group, active);
        _lastSequence = sequence;
        _views.Publish(sequence);
        foreach (CommitRequest request in group)
        {
            if (request.Failure is not null) break;
            foreach (MapIdentity map in request.Recorded) map.MarkRecorded();
        }
    }

    /// <summary>Puts the catalogue's records of maps that are new in front of the batch that uses them first.</summary>
    private void AddNames(CommitRequest request)
    {
        BatchBuffer batch = request.Batch!;
        BatchBuffer? withNames = null;
        Span<byte> id = stackalloc byte[Varint.BytesMax];
        foreach (MapIdentity map in batch.UnrecordedMaps)
        {
            if (map.IsRecorded) continue;
            withNames ??= new BatchBuffer();
            int idBytes = Varint.Write(id, map.Id);
            withNames.AddPut(_catalogue, Encoding.UTF8.GetBytes(map.Name), id[..idBytes]);
        }

        if (withNames is null) return;
        withNames.AddAll(batch);
        request.Record(withNames, batch.UnrecordedMaps);
    }

    /// <summary>The active memtable, after a rotation where it is full or could not take the whole group.</summary>
    private MemTable MakeRoom(List<CommitRequest> group)
    {
        long keyBytes = 0;
        long valueBytes = 0;
        int count = 0;
        foreach (CommitRequest request in group)
        {
            BatchBuffer batch = request.Batch!;
            keyBytes += batch.KeyBytes;
            valueBytes += batch.ValueBytes;
            count += batch.Count;
        }

        MemTable active = _views.Unpinned.Active;
        if (active.IsFull || !active.HasRoomFor(count, keyBytes, valueBytes))
        {
            Rotate(MemTable.RoomBytesFor(count, keyBytes, valueBytes));
            active = _views.Unpinned.Active;
        }

        Invariant.Holds(active.HasRoomFor(count, keyBytes, valueBytes));
        return active;
    }

    private void Rotate(long roomBytes)
    {
        // The wait may be long; what is in the log's buffer is not kept from the system by it.
        Persist(Durability.Buffered);
        _room.WaitForRoom();
        MemTable fresh = _room.CreateMemTable(roomBytes);
        _views.Rotate(fresh);
        fresh.Release();
        _room.OnFrozen();
    }

    /// <summary>Logs the batches in order. Where the log cannot grow, the rest of the group fails and nothing of it was written.</summary>
    private void LogGroup(List<CommitRequest> group, Durability durability)
    {
        ulong sequence = _lastSequence;
        for (int i = 0; i < group.Count; i++)
        {
            CommitRequest request = group[i];
            BatchBuffer batch = request.Batch!;
            try
            {
                _log.Append(sequence + 1, batch.Count, batch.Span);
            }
            catch (StorageException failure) when (!_log.IsSealed)
            {
                for (int refused = i; refused < group.Count; refused++) group[refused].Failure = failure;
                break;
            }
            catch (Exception failure)
            {
                Stop(failure);
                throw new CommitOutcomeUnknownException(failure);
            }

            sequence += (ulong)batch.Count;
            request.Sequence = sequence;
        }

        if (sequence > _lastSequence) Persist(durability);
    }

    /// <summary>
    /// What fails here seals the log: what of it is on the device is not known, so nothing is acknowledged until the next open.
    /// </summary>
    private void Persist(Durability durability)
    {
        try
        {
            if (durability == Durability.Synced) _log.Sync();
            else if (durability == Durability.Buffered) _log.Drain();
        }
        catch (Exception failure)
        {
            Stop(failure);
            throw new CommitOutcomeUnknownException(failure);
        }
    }

    private ulong Apply(List<CommitRequest> group, MemTable active)
    {
        ulong sequence = _lastSequence;
        foreach (CommitRequest request in group)
        {
            if (request.Failure is not null) break;
            var reader = new BatchReader(request.Batch!.Span);
            while (reader.TryNext()) active.Insert(reader.Key, Trailer.Pack(++sequence, reader.Kind), reader.Value);
            Invariant.Holds(reader.RestBytes == 0 && sequence == request.Sequence);
        }

        return sequence;
    }

    /// <summary>
    /// True for what ends a write before it was logged (the close of the database among it), or has stopped the database already.
    /// Anything else (managed memory running out, a broken invariant) leaves a state nobody checked: nothing more is written until the
    /// next open.
    /// </summary>
    private static bool LeavesStoreConsistent(Exception failure) =>
        failure is StorageException or MemoryBudgetException or DatabaseReadOnlyException or CommitOutcomeUnknownException
            or ObjectDisposedException;
}
