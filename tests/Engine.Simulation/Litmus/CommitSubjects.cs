using System.Collections.Concurrent;
using Varve.Native;
using Varve.Runtime;

namespace Varve.Simulation;

/// <summary>The engine, whole, on a disk in memory, with sizes so small that it always flushes and compacts.</summary>
internal sealed class RealCommits : CommitLitmus.ISubject
{
    private readonly Database _database;
    private readonly SortedMap _map;
    private readonly byte[] _padding = new byte[600];

    public RealCommits(Scheduler scheduler)
    {
        var disk = new SimulatedDisk(1, scheduler as DeterministicScheduler);
        HistoryOptions options = HistoryOptions.DrawSmall(1);
        _database = Database.Open(options.CreateSetup(disk, scheduler, new SeededRandom(1), RegionPool.Shared), new DatabaseOptions());
        _map = _database.GetMap("m");

        // The name of a map takes sequences, too.
        _map.Put("first"u8, []);
    }

    public ulong Visible => _database.LatestSequence;

    public ulong Durable => _database.DurableSequence;

    public ulong Commit(int key, int value, bool isSynced)
    {
        byte[] content = [.. BitConverter.GetBytes(value), .. _padding];
        return _map.Put(BitConverter.GetBytes(key), content, isSynced ? Durability.Synced : Durability.Buffered);
    }

    public int Read(int key) => _map.Get(BitConverter.GetBytes(key)) is { } content ? BitConverter.ToInt32(content) : 0;

    public void Dispose() => _database.Dispose();
}

/// <summary>What a copy of the commit queue does wrong.</summary>
internal enum CommitSlip
{
    None,

    /// <summary>Followers are told before their writes are published.</summary>
    AcknowledgesFirst,

    /// <summary>Synced writes are told before the sync.</summary>
    SyncsLast,

    /// <summary>The next leader begins before the group is done.</summary>
    HandsOverFirst,

    /// <summary>The group's last sequence is visible before its entries are there.</summary>
    PublishesFirst,

    /// <summary>A writer that met nobody takes the lead in two steps.</summary>
    TakesLeadInTwoSteps,
}

/// <summary>
/// The protocol of the commit queue in small: who meets nobody leads at once; else writers queue, the first leads, takes everybody as one
/// group, logs, syncs, applies, publishes, wakes the others and hands the lead on.
/// </summary>
internal sealed class SmallGroupCommit(Scheduler scheduler, Action seam, CommitSlip slip) : CommitLitmus.ISubject
{
    private const int Free = 0;
    private const int Taken = 1;
    private const int Watched = 2;

    private readonly EngineLock _guard = scheduler.CreateLock("small commit queue");
    private readonly ConcurrentDictionary<int, int> _entries = new();
    private List<Request> _waiting = [];
    private int _lead;
    private ulong _lastSequence;
    private ulong _visible;
    private ulong _durable;

    public ulong Visible => Volatile.Read(ref _visible);

    public ulong Durable => Volatile.Read(ref _durable);

    public int Read(int key) => _entries.GetValueOrDefault(key);

    public ulong Commit(int key, int value, bool isSynced)
    {
        var request = new Request(key, value, isSynced, scheduler.CreateSignal("small request"));
        if (TryTakeLead())
        {
            LeadAlone(request);
            return request.Sequence;
        }

        bool leads;
        using (_guard.Hold())
        {
            _waiting.Add(request);
            leads = Interlocked.Exchange(ref _lead, Watched) == Free;
        }

        if (!leads)
        {
            request.Signal.Wait();
            leads = !request.IsDone;
        }

        if (leads) Lead(request);
        return request.Sequence;
    }

    public void Dispose()
    {
    }

    private bool TryTakeLead()
    {
        if (slip != CommitSlip.TakesLeadInTwoSteps) return Interlocked.CompareExchange(ref _lead, Taken, Free) == Free;
        if (Volatile.Read(ref _lead) != Free) return false;
        seam();
        Volatile.Write(ref _lead, Taken);
        return true;
    }

    private void LeadAlone(Request own)
    {
        if (slip == CommitSlip.HandsOverFirst) HandOver();
        Write([own], own);
        if (slip == CommitSlip.HandsOverFirst) return;
        if (Interlocked.CompareExchange(ref _lead, Free, Taken) != Taken) HandOver();
        if (slip == CommitSlip.SyncsLast && own.IsSynced) Sync(own.Sequence);
    }

    private void Lead(Request own)
    {
        List<Request> group;
        using (_guard.Hold()) (group, _waiting) = (_waiting, []);
        if (slip == CommitSlip.HandsOverFirst) HandOver();
        Write(group, own);
        if (slip != CommitSlip.HandsOverFirst) HandOver();
        if (slip != CommitSlip.AcknowledgesFirst) Wake(group, own);
        if (slip == CommitSlip.SyncsLast && group.Exists(request => request.IsSynced)) Sync(own.Sequence);
    }

    private void Write(List<Request> group, Request own)
    {
        ulong sequence = _lastSequence;
        seam();
        foreach (Request request in group) request.Sequence = ++sequence;
        _lastSequence = sequence;
        bool syncs = group.Exists(request => request.IsSynced);
        if (slip == CommitSlip.AcknowledgesFirst) Wake(group, own);
        if (syncs && slip != CommitSlip.SyncsLast) Sync(sequence);
        if (slip == CommitSlip.PublishesFirst) Publish(sequence);
        foreach (Request request in group) _entries[request.Key] = request.Value;
        seam();
        if (slip != CommitSlip.PublishesFirst) Publish(sequence);
    }

    private void Sync(ulong sequence)
    {
        seam();
        Volatile.Write(ref _durable, Math.Max(_durable, sequence));
    }

    private void Publish(ulong sequence)
    {
        Volatile.Write(ref _visible, Math.Max(_visible, sequence));
        seam();
    }

    private void HandOver()
    {
        using (_guard.Hold())
        {
            if (_waiting is [Request next, ..]) next.Signal.Set();
            else Interlocked.Exchange(ref _lead, Free);
        }

        seam();
    }

    private void Wake(List<Request> group, Request own)
    {
        foreach (Request request in group)
        {
            if (ReferenceEquals(request, own)) continue;
            request.IsDone = true;
            request.Signal.Set();
        }

        seam();
    }

    private sealed class Request(int key, int value, bool isSynced, EngineSignal signal)
    {
        private volatile bool _isDone;

        public int Key => key;

        public int Value => value;

        public bool IsSynced => isSynced;

        public EngineSignal Signal => signal;

        public ulong Sequence { get; set; }

        public bool IsDone
        {
            get => _isDone;
            set => _isDone = value;
        }
    }
}
