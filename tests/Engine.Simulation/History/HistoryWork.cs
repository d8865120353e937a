using Varve.Catalog;
using Varve.Runtime;

namespace Varve.Simulation;

/// <summary>The work of one generation: one to three threads write; the main one also reads, holds snapshots and asks for upkeep.</summary>
internal sealed partial class HistoryWork(
    HistoryOptions options, HistoryModel model, Database database, DeterministicScheduler scheduler, Random random)
{
    private const int KindCount = 114;

    private readonly List<EngineThread> _writers = [];
    private readonly List<HistoryMoment> _snapshots = [];
    private readonly Stack<int> _dealt = new();

    /// <summary>Set when the machine crashes: what a call answers from then on counts no more.</summary>
    public bool IsOver { get; set; }

    /// <summary>True where calls to the disk fail: which errors the database may answer with, is checked. Null: none.</summary>
    public Func<bool>? HasFailed { get; init; }

    /// <summary>Managed memory runs out where native memory is asked for: what that ends in is no typed error.</summary>
    public bool RunsOutOfManagedMemory { get; init; }

    public required HistoryReads Reads { get; init; }

    /// <summary>Read between the operations; null: not.</summary>
    public HistoryFeed? Feed { get; init; }

    /// <summary>Operations of the main thread, at most.</summary>
    public int StepsMax { get; init; } = int.MaxValue;

    /// <summary>Operations that the main thread has begun.</summary>
    public int Steps { get; private set; }

    public void Run(Action<string> onStep)
    {
        int drawn = random.Next(options.Operations / 2, options.Operations + 1);
        int count = Math.Min(Math.Min(StepsMax, options.StepsMax), options.DealsEveryKind ? options.Operations : drawn);
        for (int writer = 1; writer < options.Writers; writer++)
        {
            int seed = random.Next();
            _writers.Add(scheduler.StartThread($"writer {writer}", () => RunWriter(new HistoryRandom(seed), count / options.Writers)));
        }

        int stepSeed = random.Next();
        for (int i = 0; i < count && !IsOver; i++)
        {
            (random as HistoryRandom)?.Begin(stepSeed, i);
            int kind = DrawKind();
            onStep($"{i}, kind {kind}");
            Steps++;
            try
            {
                Do(kind);
                if (random.Next(3) == 0) Feed?.Read(database, random.Next(1, 20), () => IsOver);
            }
            catch (Exception failure) when (IsExpected(failure))
            {
                // As it should be. What the writes among them mean, Write tells the model.
            }
        }

        (random as HistoryRandom)?.Begin(stepSeed, -1);
    }

    /// <summary>On a disk that was full and has room again: within a minute writing works by itself.</summary>
    public void CheckGoesOn()
    {
        for (int second = 0; second < 60; second++)
        {
            try
            {
                Write(random);
                return;
            }
            catch (StorageException)
            {
                scheduler.CreateSignal("room").Wait(TimeSpan.FromSeconds(1));
            }
        }

        throw new HistoryViolationException("a disk that was full has had room for a minute, and writes still fail");
    }

    /// <summary>Waits for the writers, and lets go of everything.</summary>
    public void End()
    {
        foreach (EngineThread writer in _writers) writer.Join();
        foreach (HistoryMoment held in _snapshots) held.Snapshot!.Dispose();
        _snapshots.Clear();
    }

    private void RunWriter(Random own, int count)
    {
        for (int i = 0; i < count && !IsOver; i++)
        {
            try
            {
                Write(own);
            }
            catch (Exception failure) when (IsExpected(failure))
            {
                // As on the main thread.
            }
        }
    }

    private bool IsExpected(Exception failure) =>
        HasFailed is { } hasFailed && hasFailed()
        && (failure is StorageException or CommitOutcomeUnknownException or DatabaseReadOnlyException or MemoryBudgetException
            || (RunsOutOfManagedMemory && failure is OutOfMemoryException));

    private int DrawKind()
    {
        if (!options.DealsEveryKind) return random.Next(KindCount);
        if (_dealt.Count == 0)
        {
            int[] kinds = [.. Enumerable.Range(0, KindCount)];
            random.Shuffle(kinds);
            foreach (int kind in kinds) _dealt.Push(kind);
        }

        return _dealt.Pop();
    }

    private void Do(int kind)
    {
        switch (kind)
        {
            case < 58:
                Write(random);
                break;
            case < 82:
                if (options.Has(HistoryFeatures.Reads)) Read(kind);
                break;
            case < 86:
                if (_snapshots.Count < 4) _snapshots.Add(Reads.TakeSnapshot());
                break;
            case < 88:
                if (_snapshots.Count == 0) break;
                int dropped = random.Next(_snapshots.Count);
                _snapshots[dropped].Snapshot!.Dispose();
                _snapshots.RemoveAt(dropped);
                break;
            case < 91:
                Sync();
                break;
            case < 97 when !options.Has(HistoryFeatures.Upkeep):
                break;
            case < 94:
                database.Flush();
                break;
            case < 95:
                database.Compact();
                break;
            case < 96:
                database.WaitForUpkeep();
                break;
            case < 97:
                RecoveryCheck.CheckSound(database);
                break;
            case >= 100 and < 104:
                if (options.Has(HistoryFeatures.Ingests)) Ingest();
                break;
            case 104 or 105:
                if (options.Has(HistoryFeatures.Checkpoints)) Checkpoint();
                break;
            case >= 106 and < 112:
                PassTime();
                break;
            case >= 112:
                if (options.Has(HistoryFeatures.Reads)) HoldCursor();
                break;
            default:
                Pause();
                break;
        }
    }

    private void Sync()
    {
        ulong sequence = database.LatestSequence;
        if (random.Next(2) == 0) database.Sync();
        else database.WaitForDurable(sequence);
        if (IsOver) return;
        if (database.DurableSequence < sequence)
            throw new HistoryViolationException($"durable up to {database.DurableSequence} after a sync of {sequence}");
        model.PromiseSynced(sequence);
    }

    /// <summary>At a held snapshot, at one taken for the read, or (with one writer) at this moment.</summary>
    private void Read(int kind)
    {
        HistoryMoment? held = DrawMoment(out bool isOwn);
        try
        {
            ulong sequence = held?.Sequence ?? database.LatestSequence;
            Reads.Resolve(sequence);
            int map = random.Next(options.MapNames.Length);
            if (held is { } moment) Read(kind, map, moment);
            else Reads.AtNow(sequence, now => Read(kind, map, now));
        }
        finally
        {
            if (isOwn) held!.Value.Snapshot!.Dispose();
        }
    }

    /// <summary>Null: now.</summary>
    private HistoryMoment? DrawMoment(out bool isOwn)
    {
        int chosen = random.Next(_snapshots.Count + 2);
        isOwn = chosen >= _snapshots.Count && (options.Writers > 1 || chosen == _snapshots.Count);
        return chosen < _snapshots.Count ? _snapshots[chosen] : isOwn ? Reads.TakeSnapshot() : null;
    }

    private void Read(int kind, int map, in HistoryMoment moment)
    {
        if (kind < 63) Reads.CheckSeveral(random, scheduler, moment);
        else if (kind < 65) Reads.CheckPages(random, scheduler, map, moment);
        else if (kind < 68) Reads.CheckGet(map, random.Next(options.Keys.Length), moment);
        else if (kind < 73) Reads.CheckRange(random, map, moment);
        else if (kind < 78) Reads.CheckWalk(random, map, moment);
        else Reads.CheckAll(moment);
    }

    private void Write(Random own)
    {
        HistoryOperation[] operations = DrawOperations(own);
        Durability durability = DrawDurability(own);
        HistoryBatch batch = model.Begin(operations, conditions: DrawConditions(own, operations));
        ulong sequence;
        try
        {
            sequence = Send(own, batch, durability);
        }
        catch (Exception failure)
        {
            if (IsRefusedInOrder(batch, failure)) return;
            throw;
        }

        if (IsOver || batch.IsDead) return;
        model.Acknowledge(batch, sequence, durability);
        if (database.LatestSequence < sequence)
            throw new HistoryViolationException($"write {sequence} is acknowledged, but reads see up to {database.LatestSequence}");
        if (durability == Durability.Synced && database.DurableSequence < sequence)
            throw new HistoryViolationException($"synced write {sequence} is acknowledged, durable is {database.DurableSequence}");
    }

    /// <summary>Tells the model what a failure says of the batch. True where it may just go on: the map was dropped before.</summary>
    private bool IsRefusedInOrder(HistoryBatch batch, Exception failure)
    {
        bool isLate = failure is MapDroppedException && options.Writers > 1 && model.MayBeDropped(batch);
        if (isLate || failure is StorageException or DatabaseReadOnlyException or MemoryBudgetException) model.Refuse(batch);
        else if (failure is CommitOutcomeUnknownException or OutOfMemoryException) batch.IsOutcomeUnknown = true;
        return isLate;
    }

    private ulong Send(Random own, HistoryBatch batch, Durability durability)
    {
        SortedMap journal = database.GetMap(HistoryModel.JournalName);
        model.Tally.Writes += batch.Operations.Length + 1;
        if (batch.Operations.Length == 0 && batch.Conditions.Length == 0) return SendAlone(own, journal, batch, durability);
        using WriteBatch write = database.CreateBatch();
        ulong before = database.LatestSequence;
        AddConditions(write, batch);
        AddOperations(write, batch);
        write.Put(journal, batch.JournalKey, batch.JournalValue);
        if (batch.Conditions.Length > 0) return SendConditional(own, write, batch, before, durability);
        if (own.Next(8) != 0) return database.Write(write, durability);
        ValueTask<ulong> sent = database.WriteAsync(write, durability);
        while (!sent.IsCompleted) scheduler.SpinOnce();
        return sent.GetAwaiter().GetResult();
    }

    private void AddOperations(WriteBatch write, HistoryBatch batch)
    {
        for (int i = 0; i < batch.Operations.Length; i++)
        {
            HistoryOperation operation = batch.Operations[i];
            SortedMap map = database.GetMap(options.MapNames[operation.Map]);
            if (operation.Drops || operation.IsRange) AddRange(write, map, operation);
            else if (operation.Value is null) write.Delete(map, options.Keys[operation.Key]);
            else if (operation.TimeToLive is not null) batch.Operations[i] = AddExpiring(write, map, operation);
            else write.Put(map, options.Keys[operation.Key], operation.Value);
        }
    }

    private HistoryOperation[] DrawOperations(Random own)
    {
        if (own.Next(40) == 0) return [DrawDrop(own)];
        int count = own.Next(6) switch { 0 => 0, 1 or 2 => own.Next(1, options.BatchOperationsMax + 1), _ => 1 };
        var operations = new HistoryOperation[count];
        bool deletes = own.Next(10) == 0;
        for (int i = 0; i < count; i++)
        {
            if (own.Next(12) == 0)
            {
                operations[i] = DrawRange(own);
                continue;
            }

            byte[]? value = deletes || own.Next(4) == 0 ? null : HistoryContent.DrawValue(own, options.LargeValueOneIn);
            operations[i] = new HistoryOperation(own.Next(options.MapNames.Length), own.Next(options.Keys.Length), value)
            {
                TimeToLive = value is null ? null : DrawTimeToLive(own),
            };
        }

        return operations;
    }

    private HistoryOperation DrawRange(Random own)
    {
        int start = own.Next(options.Keys.Length);
        int end = own.Next(3) == 0 ? options.Keys.Length : Math.Min(start + own.Next(1, 12), options.Keys.Length);
        return new HistoryOperation(own.Next(options.MapNames.Length), start, null, end);
    }

    private HistoryOperation DrawDrop(Random own) =>
        new(own.Next(options.MapNames.Length), 0, null, options.Keys.Length, Drops: true);

    /// <summary>A range delete; or a drop of the map, in one batch with the journal's entry, which no public call does.</summary>
    private void AddRange(WriteBatch write, SortedMap map, HistoryOperation operation)
    {
        if (operation.Drops) write.Buffer.AddDrop(map.Identity, MapCatalog.Root, System.Text.Encoding.UTF8.GetBytes(map.Name));
        else if (operation.EndKey == options.Keys.Length) write.DeleteRange(map, options.Keys[operation.Key], []);
        else write.DeleteRange(map, options.Keys[operation.Key], options.Keys[operation.EndKey]);
    }

    private Durability DrawDurability(Random own)
    {
        int percent = own.Next(100);
        return percent < options.SyncedPercent ? Durability.Synced
            : percent < options.SyncedPercent + options.BufferedPercent ? Durability.Buffered : Durability.None;
    }
}
