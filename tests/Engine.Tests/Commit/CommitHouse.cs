using System.Text;
using Varve.Catalog;
using Varve.Commit;
using Varve.Entries;
using Varve.Levels;
using Varve.Log;
using Varve.Memory;
using Varve.Native;
using Varve.Reading;
using Varve.Runtime;
using Varve.Tests.Log;

namespace Varve.Tests.Commit;

/// <summary>
/// A commit queue on a log in memory, without upkeep, in a history of its own. A sync of the log takes a millisecond of virtual time, so
/// that whoever can queue meanwhile does.
/// </summary>
internal sealed class CommitHouse : IFlushRoom
{
    public static readonly TimeSpan SyncTime = TimeSpan.FromMilliseconds(1);

    private const long MemtableBytes = 64 << 10;

    private readonly RegionPool _pool = new();
    private readonly EngineSignal _never;
    private readonly LogWriter _log;
    private int _syncing;

    private CommitHouse(DeterministicScheduler scheduler)
    {
        Scheduler = scheduler;
        _never = scheduler.CreateSignal("device");
        _log = Log.OpenWriter();
        Log.Disk.BeforeCall = OnCall;
        MemTable active = CreateMemTable(0);
        Views = new ReadViews(active, [], LevelMap.CreateEmpty(), visibleSequence: 0);
        active.Release();
        Queue = new CommitQueue(
            scheduler,
            _log,
            Views,
            new StoreClock(scheduler.Clock, mark: 0),
            this,
            Pacer = new WritePacer(scheduler),
            MapCatalog.Root,
            nextMapId: 1);
    }

    public DeterministicScheduler Scheduler { get; }

    public LogHouse Log { get; } = new(segmentBytes: 64 << 10);

    public ReadViews Views { get; }

    public CommitQueue Queue { get; }

    public WritePacer Pacer { get; }

    public MapIdentity Map { get; } = new(1, "m", isRecorded: true);

    /// <summary>Syncs of the log since the queue was made.</summary>
    public int SyncCount { get; private set; }

    public int FrozenCount { get; private set; }

    /// <summary>What the system has of the log's segments.</summary>
    public long DrainedLogBytes => _log.LiveBytes;

    /// <summary>What a leader does when it wants to freeze the memtable.</summary>
    public Action BeforeRotation { get; set; } = () => { };

    public ulong SyncedSequence => Queue.SyncedSequence;

    /// <summary>Runs a history, and closes the queue if the history has not.</summary>
    public static void Run(int seed, Action<CommitHouse> history)
    {
        var scheduler = new DeterministicScheduler(seed);
        scheduler.Run(() =>
        {
            var house = new CommitHouse(scheduler);
            history(house);
            house.Close();
            house.Views.Close();
            house._log.Dispose();
        });
    }

    /// <summary>Ends the queue; a second time does nothing.</summary>
    public void Close()
    {
        try
        {
            Queue.Run(CommitKind.Close);
        }
        catch (ObjectDisposedException)
        {
            return;
        }

        Queue.JoinAsyncLeader();
    }

    public BatchBuffer BatchOf(string key, int valueBytes = 1)
    {
        var batch = new BatchBuffer();
        batch.AddPut(Map, Encoding.UTF8.GetBytes(key), new byte[valueBytes]);
        return batch;
    }

    public ulong Put(string key, Durability durability, int valueBytes = 1) =>
        Queue.Run(CommitKind.Write, BatchOf(key, valueBytes), durability);

    public Task<ulong> PutAsync(string key, Durability durability, int valueBytes = 1, CancellationToken cancellation = default) =>
        Queue.RunAsync(BatchOf(key, valueBytes), durability, cancellation).AsTask();

    /// <summary>Writes until the log's first segment has so many bytes left.</summary>
    public void FillSegment(long leaveBytes)
    {
        const int FirstValueBytes = 1000;
        long empty = DrainedLogBytes;
        Put("first", Durability.Buffered, FirstValueBytes);
        Queue.DrainLog();
        long headBytes = DrainedLogBytes - empty - FirstValueBytes;
        long left = Log.Context.SegmentBytes - DrainedLogBytes - leaveBytes;

        // In parts of one size each, since the batch states the length of a value in as many bytes.
        int parts = (int)(left / 10_000) + 1;
        for (int part = 0; part < parts; part++)
        {
            long partBytes = part == parts - 1 ? left - (left / parts * (parts - 1)) : left / parts;
            Put("later", Durability.Buffered, (int)(partBytes - headBytes));
        }

        Queue.DrainLog();
        Assert.Equal(Log.Context.SegmentBytes - leaveBytes, DrainedLogBytes);
    }

    /// <summary>The sequence of the visible version of a key; null when there is none.</summary>
    public ulong? Find(string key)
    {
        using var full = new FullKey(Map, Encoding.UTF8.GetBytes(key), default);
        foreach (MemTable table in (MemTable[])[Views.Unpinned.Active, .. Views.Unpinned.Frozen])
        {
            if (table.TryGet(full.Span, Views.VisibleSequence, out MemEntry entry)) return Trailer.Sequence(entry.Trailer);
        }

        return null;
    }

    /// <summary>The sequence of every key that a recovery finds in the log.</summary>
    public Dictionary<string, ulong> Recover()
    {
        var found = new Dictionary<string, ulong>();
        ulong sequence = 0;
        foreach (RecoveredRecord record in Log.Recover().Records)
        {
            Assert.Equal(sequence + 1, record.FirstSequence);
            var reader = new BatchReader(record.Payload);
            while (reader.TryNext()) found[Encoding.UTF8.GetString(reader.Key[Map.Prefix.Length..])] = ++sequence;
            Assert.Equal(record.FirstSequence + (ulong)record.Count - 1, sequence);
        }

        return found;
    }

    /// <summary>Returns when every other thread waits for a device or for somebody: much less than a sync later.</summary>
    public void LetOthersQueue() => _never.Wait(SyncTime / 100);

    public EngineThread Start(Action body) => Scheduler.StartThread("writer", body);

    /// <summary>Starts a synced write and returns while its sync is under way: what comes now waits in the queue.</summary>
    public EngineThread StartSync(string key = "leader")
    {
        EngineThread thread = Start(() => Put(key, Durability.Synced));
        LetOthersQueue();
        Assert.Equal(1, _syncing);
        return thread;
    }

    void IFlushRoom.WaitForRoom() => BeforeRotation();

    void IFlushRoom.WaitForFlushed(ulong sequence)
    {
        // Nobody flushes here: what is frozen stays so.
    }

    void IFlushRoom.SettleIngest()
    {
        // No ingest fails here.
    }

    void IFlushRoom.OnFrozen() => FrozenCount++;

    MemTable IFlushRoom.CreateMemTable(long roomBytes) => CreateMemTable(roomBytes);

    private MemTable CreateMemTable(long roomBytes) => new(_pool, MemtableBytes, roomBytes);

    private void OnCall(DiskOperation operation)
    {
        if (operation != DiskOperation.Sync) return;
        SyncCount++;
        Assert.Equal(1, ++_syncing);
        _never.Wait(SyncTime);
        _syncing--;
    }
}
