using Varve.Native;

namespace Varve.Tests.Api;

public sealed class DurabilityTests
{
    private readonly SimulatedDisk _disk = new();
    private readonly RegionPool _pool = new();

    [Theory]
    [InlineData(Durability.Synced, true, true)]
    [InlineData(Durability.Buffered, false, true)]
    [InlineData(Durability.Buffered, true, false)]
    [InlineData(Durability.None, false, false)]
    public void A_level_survives_what_it_promises_and_waits_for_no_more(Durability durability, bool isPowerCut, bool survives)
    {
        Database database = OptionSet.Tiny.Open(_disk, _pool);
        SortedMap map = database.GetMap("m");
        map.Put("synced"u8, "v"u8, Durability.Synced);
        map.Put("k"u8, "v"u8, durability);
        Assert.True(map.Contains("k"u8));
        SimulatedDisk survivor = _disk.Crash(isPowerCut ? CrashMode.KeepNothing : CrashMode.KeepAll);
        database.Dispose();
        using Database reopened = OptionSet.Tiny.Open(survivor, _pool);
        Assert.True(reopened.GetMap("m").Contains("synced"u8));
        Assert.Equal(survives, reopened.GetMap("m").Contains("k"u8));
    }

    [Fact]
    public void DurableSequence_follows_syncs_only()
    {
        using Database database = OptionSet.Tiny.Open(_disk, _pool);
        SortedMap map = database.GetMap("m");
        ulong first = map.Put("a"u8, default, Durability.None);
        ulong second = map.Put("b"u8, default, Durability.Buffered);
        Assert.True(database.DurableSequence < first);
        ulong third = map.Put("c"u8, default, Durability.Synced);
        Assert.Equal(third, database.DurableSequence);
        Assert.Equal([1UL, 1UL], [second - first, third - second]);

        ulong fourth = map.Put("d"u8, default, Durability.None);
        ulong fifth = map.Put("e"u8, default, Durability.None);
        database.WaitForDurable(third);
        Assert.Equal(third, database.DurableSequence);
        database.WaitForDurable(fourth);
        Assert.Equal(fifth, database.DurableSequence);
        Assert.Equal(fifth, database.LatestSequence);
    }

    [Fact]
    public void An_empty_batch_is_no_write()
    {
        using Database database = OptionSet.Tiny.Open(_disk, _pool);
        ulong sequence = database.GetMap("m").Put("k"u8, default);
        using WriteBatch batch = database.CreateBatch();
        Assert.Equal(sequence, database.Write(batch));
        Assert.Equal(sequence, database.LatestSequence);
    }

    [Fact]
    public async Task Asynchronous_writes_are_committed_in_the_order_they_were_asked_for()
    {
        using Database database = OptionSet.Tiny.Open(_disk, _pool);
        SortedMap map = database.GetMap("m");
        var batches = new List<WriteBatch>();
        var writes = new List<Task<ulong>>();
        for (int i = 0; i < 500; i++)
        {
            WriteBatch batch = database.CreateBatch();
            batch.Put(map, "last"u8, BitConverter.GetBytes(i));
            batch.Put(map, BitConverter.GetBytes(i), default);
            batches.Add(batch);
            writes.Add(database.WriteAsync(batch, (Durability)(i % 3)).AsTask());
        }

        ulong[] sequences = await Task.WhenAll(writes);
        Assert.Equal(sequences.Order(), sequences);
        Assert.Equal(sequences[^1], database.LatestSequence);
        Assert.Equal(BitConverter.GetBytes(499), map.Get("last"u8));
        foreach (WriteBatch batch in batches) batch.Dispose();
    }

    [Fact]
    public async Task A_write_is_taken_back_only_before_it_is_logged()
    {
        using Database database = OptionSet.Tiny.Open(_disk, _pool);
        SortedMap map = database.GetMap("m");
        map.Put("first"u8, default);
        using var logging = new ManualResetEventSlim();
        using var mayGoOn = new ManualResetEventSlim();
        _disk.Faults = call =>
        {
            if (call.Operation != DiskOperation.Sync) return null;
            logging.Set();
            mayGoOn.Wait();
            return null;
        };
        using WriteBatch underWay = database.CreateBatch();
        underWay.Put(map, "under way"u8, default);
        using WriteBatch waiting = database.CreateBatch();
        waiting.Put(map, "waiting"u8, default);
        using var cancellation = new CancellationTokenSource();
        Task<ulong> logged = database.WriteAsync(underWay, Durability.Synced, cancellation.Token).AsTask();
        logging.Wait();
        Task<ulong> queued = database.WriteAsync(waiting, Durability.Buffered, cancellation.Token).AsTask();
        cancellation.Cancel();
        Assert.True(queued.IsCanceled);
        mayGoOn.Set();
        await logged;
        _disk.Faults = null;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => database.WriteAsync(waiting, cancellation: cancellation.Token).AsTask());
        Assert.True(map.Contains("under way"u8));
        Assert.False(map.Contains("waiting"u8));
        await database.WriteAsync(waiting);
        Assert.True(map.Contains("waiting"u8));
    }

    [Fact]
    public void Writers_on_eight_threads_share_syncs_and_lose_nothing()
    {
        using Database database = OptionSet.All[^1].Open(_disk, _pool);
        SortedMap map = database.GetMap("m");
        const int ThreadCount = 8;
        const int Count = 200;
        ulong[][] sequences = new ulong[ThreadCount][];
        Thread[] threads = new Thread[ThreadCount];
        for (int t = 0; t < ThreadCount; t++)
        {
            int thread = t;
            sequences[t] = new ulong[Count];
            threads[t] = new Thread(() =>
            {
                using WriteBatch batch = database.CreateBatch();
                for (int i = 0; i < Count; i++)
                {
                    batch.Clear();
                    batch.Put(map, [(byte)thread, (byte)i], BitConverter.GetBytes(i));
                    batch.Put(map, [(byte)thread], BitConverter.GetBytes(i));
                    sequences[thread][i] = database.Write(batch, Durability.Synced);
                    Assert.Equal(BitConverter.GetBytes(i), map.Get([(byte)thread]));
                    Assert.True(database.DurableSequence >= sequences[thread][i]);
                }
            });
        }

        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        Assert.Equal(ThreadCount * Count, sequences.SelectMany(sequence => sequence).Distinct().Count());
        foreach (ulong[] ofThread in sequences) Assert.Equal(ofThread.Order(), ofThread);
        SimulatedDisk survivor = _disk.Crash(CrashMode.KeepNothing);
        database.Dispose();
        using Database reopened = OptionSet.All[^1].Open(survivor, _pool);
        int count = 0;
        foreach (Entry _ in reopened.GetMap("m").All()) count++;
        Assert.Equal(ThreadCount * (Count + 1), count);
    }
}
