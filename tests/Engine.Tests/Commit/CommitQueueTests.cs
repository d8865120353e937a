using Varve.Commit;
using Varve.Runtime;

namespace Varve.Tests.Commit;

public sealed class CommitQueueTests
{
    private const int SeedCount = 8;

    [Fact]
    public void Writers_that_wait_for_the_device_share_its_syncs()
    {
        const int Writers = 8;
        const int Writes = 20;
        for (int seed = 1; seed <= SeedCount; seed++)
        {
            CommitHouse.Run(seed, house =>
            {
                RunAll(house, Writers, writer =>
                {
                    for (int i = 0; i < Writes; i++)
                    {
                        ulong sequence = house.Put($"{writer}-{i}", Durability.Synced);
                        Assert.True(house.SyncedSequence >= sequence, "acknowledged before its sync");
                    }
                });
                Assert.Equal((ulong)(Writers * Writes), house.Views.VisibleSequence);

                // While one group is synced all other writers queue, so at worst groups of one and of all others take turns.
                Assert.InRange(house.SyncCount, Writes, Writers * Writes / 3);
            });
        }
    }

    [Fact]
    public void A_writer_alone_syncs_each_of_its_writes_and_a_buffered_one_none()
    {
        CommitHouse.Run(1, house =>
        {
            for (int i = 1; i <= 10; i++)
            {
                house.Put("synced", Durability.Synced);
                Assert.Equal(i, house.SyncCount);
            }

            for (int i = 1; i <= 10; i++) house.Put("buffered", Durability.Buffered);
            house.Put("neither", Durability.None);
            Assert.Equal(10, house.SyncCount);
        });
    }

    [Fact]
    public void Asynchronous_writers_share_syncs_and_are_logged_in_the_order_in_which_they_asked()
    {
        CommitHouse.Run(1, house =>
        {
            EngineThread leader = house.StartSync();
            Task<ulong>[] writes = [.. Enumerable.Range(0, 50).Select(i => house.PutAsync($"{i}", Durability.Synced))];
            leader.Join();
            house.Queue.Run(CommitKind.Sync);
            for (int i = 0; i < writes.Length; i++) Assert.Equal((ulong)i + 2, ResultOf(writes[i]));
            Assert.InRange(house.SyncCount, 2, 4);
        });
    }

    [Fact]
    public void An_asynchronous_write_that_waits_for_nothing_is_done_at_once_and_any_other_is_not()
    {
        CommitHouse.Run(1, house =>
        {
            Assert.Equal(1UL, ResultOf(AtOnce(house.PutAsync("buffered", Durability.Buffered))));
            Assert.Equal(2UL, ResultOf(AtOnce(house.PutAsync("none", Durability.None))));
            EngineThread leader = house.StartSync();
            Task<ulong>[] later = [house.PutAsync("behind a leader", Durability.Buffered)];
            Assert.False(later[0].IsCompleted);
            leader.Join();
            house.Queue.Run(CommitKind.Sync);
            later = [.. later, house.PutAsync("synced", Durability.Synced)];
            Assert.False(later[1].IsCompleted);
            house.Queue.Run(CommitKind.Sync);
            house.Pacer.SetPressure(0.1, rateBytes: 1e9);
            later = [.. later, house.PutAsync("paced", Durability.Buffered)];
            Assert.False(later[2].IsCompleted);
            house.Queue.Run(CommitKind.Sync);
            house.Pacer.SetPressure(0, rateBytes: 0);
            later = [.. later, house.PutAsync("large", Durability.Buffered, valueBytes: 70 << 10)];
            Assert.False(later[3].IsCompleted);
            house.Queue.Run(CommitKind.Sync);
            later = [.. later, house.PutAsync("behind a full memtable", Durability.Buffered)];
            Assert.False(later[4].IsCompleted);
            house.Queue.Run(CommitKind.Sync);
            Assert.Equal([4UL, 5UL, 6UL, 7UL, 8UL], later.Select(ResultOf));
            Assert.Equal(9UL, ResultOf(AtOnce(house.PutAsync("at the end", Durability.Buffered))));
        });

        static Task<ulong> AtOnce(Task<ulong> write)
        {
            Assert.True(write.IsCompleted);
            return write;
        }
    }

    [Fact]
    public void Sequences_follow_the_log_without_a_gap_whoever_writes()
    {
        for (int seed = 1; seed <= SeedCount; seed++)
        {
            CommitHouse.Run(seed, house =>
            {
                var acknowledged = new Dictionary<string, ulong>();
                RunAll(house, 4, writer =>
                {
                    var random = new Random(seed * 10 + writer);
                    ulong last = 0;
                    for (int i = 0; i < 25; i++)
                    {
                        BatchBuffer batch = house.BatchOf($"{writer}-{i}-0");
                        int operations = random.Next(1, 5);
                        for (int n = 1; n < operations; n++) batch.AddAll(house.BatchOf($"{writer}-{i}-{n}", random.Next(500)));
                        ulong sequence = house.Queue.Run(CommitKind.Write, batch, (Durability)random.Next(3));
                        Assert.True(sequence >= last + (ulong)operations, $"seed {seed}: {sequence} after {last}");
                        Assert.True(house.Views.VisibleSequence >= sequence, $"seed {seed}: {sequence} is not visible yet");
                        for (int n = 0; n < operations; n++) acknowledged.Add($"{writer}-{i}-{n}", sequence - (ulong)(operations - 1 - n));
                        last = sequence;
                    }
                });
                house.Queue.Run(CommitKind.Sync);
                Dictionary<string, ulong> logged = house.Recover();
                Assert.Equal(acknowledged.OrderBy(pair => pair.Value), logged.OrderBy(pair => pair.Value));
                foreach ((string key, ulong sequence) in acknowledged) Assert.Equal(sequence, house.Find(key));
            });
        }
    }

    [Fact]
    public void A_sync_makes_durable_what_was_written_before_it()
    {
        CommitHouse.Run(1, house =>
        {
            ulong sequence = house.Put("k", Durability.None);
            Assert.True(house.SyncedSequence < sequence);
            house.Queue.Run(CommitKind.Sync);
            Assert.Equal(sequence, house.SyncedSequence);
        });
    }

    [Fact]
    public void A_rotation_freezes_what_was_written_before_it_and_no_empty_memtable()
    {
        CommitHouse.Run(1, house =>
        {
            house.Queue.Run(CommitKind.Rotate);
            Assert.Equal(0, house.FrozenCount);
            house.Put("before", Durability.Buffered);
            house.Queue.Run(CommitKind.Rotate);
            house.Queue.Run(CommitKind.Rotate);
            Assert.Equal(1, house.FrozenCount);
            Assert.Equal(1, Assert.Single(house.Views.Unpinned.Frozen).EntryCount);
            house.Put("behind", Durability.Buffered);
            Assert.Equal(1, house.Views.Unpinned.Active.EntryCount);
        });
    }

    [Fact]
    public void Requests_of_other_kinds_keep_their_place_between_writes()
    {
        for (int seed = 1; seed <= SeedCount; seed++)
        {
            CommitHouse.Run(seed, house =>
            {
                EngineThread leader = house.StartSync();
                Task<ulong> before = house.PutAsync("before", Durability.Buffered);
                EngineThread rotation = house.Start(() => house.Queue.Run(CommitKind.Rotate));
                house.LetOthersQueue();
                Task<ulong> behind = house.PutAsync("behind", Durability.Buffered);
                EngineThread sync = house.Start(() =>
                {
                    house.Queue.Run(CommitKind.Sync);
                    Assert.True(house.SyncedSequence >= 3, $"seed {seed}: {house.SyncedSequence} is synced");
                });
                house.LetOthersQueue();
                Task<ulong> last = house.PutAsync("last", Durability.Buffered);
                leader.Join();
                rotation.Join();
                sync.Join();
                house.Queue.Run(CommitKind.Sync);
                Assert.Equal([2UL, 3UL, 4UL], ((Task<ulong>[])[before, behind, last]).Select(ResultOf));
                Assert.Equal(2, Assert.Single(house.Views.Unpinned.Frozen).EntryCount);
                Assert.Equal(2, house.Views.Unpinned.Active.EntryCount);
            });
        }
    }

    [Fact]
    public void A_close_tells_all_who_wait_behind_it_and_ends_the_log_before_them()
    {
        for (int seed = 1; seed <= SeedCount; seed++)
        {
            CommitHouse.Run(seed, house =>
            {
                EngineThread leader = house.StartSync();
                Task<ulong> before = house.PutAsync("before", Durability.Synced);
                EngineThread closer = house.Start(house.Close);
                house.LetOthersQueue();
                Task<ulong>[] behind = [.. Enumerable.Range(0, 3).Select(i => house.PutAsync($"behind {i}", Durability.Synced))];
                EngineThread late = house.Start(() => Assert.Throws<ObjectDisposedException>(() => house.Put("late", Durability.None)));
                leader.Join();
                closer.Join();
                late.Join();
                Assert.Equal(2UL, ResultOf(before));
                foreach (Task<ulong> write in behind) Assert.IsType<ObjectDisposedException>(FailureOf(write));
                Assert.Throws<ObjectDisposedException>(() => { _ = house.PutAsync("after", Durability.None); });
                Assert.Throws<ObjectDisposedException>(() => house.Queue.Run(CommitKind.Sync));
                Assert.Equal(2UL, house.Queue.LogEnd!.Value.LastSequence);
                Assert.Equal(["before", "leader"], house.Recover().Keys.Order());
            });
        }
    }

    [Fact]
    public void A_close_reaches_asynchronous_writers_that_wait_behind_a_thread()
    {
        for (int seed = 1; seed <= 3 * SeedCount; seed++)
        {
            CommitHouse.Run(seed, house =>
            {
                _ = house.PutAsync("first", Durability.None);
                EngineThread leader = house.StartSync();
                EngineThread closer = house.Start(house.Close);
                house.LetOthersQueue();

                // Neither can share a group with what follows it.
                EngineThread sync = house.Start(() => Assert.Throws<ObjectDisposedException>(() => house.Queue.Run(CommitKind.Sync)));
                house.LetOthersQueue();
                Task<ulong> write = house.PutAsync("behind", Durability.None);
                leader.Join();
                closer.Join();
                sync.Join();
                house.LetOthersQueue();
                Assert.True(write.IsCompleted, $"seed {seed}: the writer waits for ever");
                Assert.IsType<ObjectDisposedException>(FailureOf(write));
            });
        }
    }

    [Fact]
    public void A_write_cancelled_before_it_is_logged_did_not_happen()
    {
        for (int seed = 1; seed <= SeedCount; seed++)
        {
            CommitHouse.Run(seed, house =>
            {
                using var cancellation = new CancellationTokenSource();
                EngineThread leader = house.StartSync();
                Task<ulong> before = house.PutAsync("before", Durability.Buffered);
                Task<ulong> cancelled = house.PutAsync("cancelled", Durability.Synced, valueBytes: 1, cancellation.Token);
                Task<ulong> behind = house.PutAsync("behind", Durability.Buffered);
                cancellation.Cancel();
                Assert.True(cancelled.IsCanceled, $"seed {seed}");
                leader.Join();
                house.Queue.Run(CommitKind.Sync);
                Assert.Equal((2UL, 3UL), (ResultOf(before), ResultOf(behind)));
                Assert.Null(house.Find("cancelled"));
                Assert.Equal(["before", "behind", "leader"], house.Recover().Keys.Order());
            });
        }
    }

    [Fact]
    public void A_cancelled_write_alone_in_the_queue_leaves_the_queue_free()
    {
        CommitHouse.Run(1, house =>
        {
            using var cancellation = new CancellationTokenSource();
            EngineThread leader = house.StartSync();
            Task<ulong> cancelled = house.PutAsync("cancelled", Durability.Synced, valueBytes: 1, cancellation.Token);
            cancellation.Cancel();
            leader.Join();
            Assert.True(cancelled.IsCanceled);
            Assert.Equal(2UL, house.Put("next", Durability.Synced));
        });
    }

    [Fact]
    public void A_write_cancelled_while_it_is_logged_is_committed()
    {
        CommitHouse.Run(1, house =>
        {
            using var cancellation = new CancellationTokenSource();
            Task<ulong> write = house.PutAsync("k", Durability.Synced, valueBytes: 1, cancellation.Token);
            house.LetOthersQueue();
            Assert.False(write.IsCompleted);
            cancellation.Cancel();
            Assert.False(write.IsCompleted);
            house.Queue.Run(CommitKind.Sync);
            Assert.Equal(1UL, ResultOf(write));
            Assert.Equal(1UL, house.Find("k"));
        });
    }

    [Fact]
    public void A_failed_sync_is_told_to_every_writer_of_its_group_and_stops_writing()
    {
        CommitHouse.Run(1, house =>
        {
            EngineThread leader = house.StartSync();
            Task<ulong>[] writes = [.. Enumerable.Range(0, 3).Select(Put)];
            house.Log.Disk.Faults = FaultPlan.Matching(
                call => call.Operation == DiskOperation.Sync, Fault.Error(Errors.InputOutput), nth: 2, forEver: true);
            leader.Join();
            Assert.Throws<DatabaseReadOnlyException>(() => house.Queue.Run(CommitKind.Sync));
            foreach (Task<ulong> write in writes) Assert.IsType<CommitOutcomeUnknownException>(FailureOf(write));
            Assert.Throws<DatabaseReadOnlyException>(() => house.Put("later", Durability.None));
            Assert.IsType<StorageException>(house.Queue.StopCause);
            Assert.Equal((1UL, 1UL), (house.Views.VisibleSequence, house.SyncedSequence));
            house.Close();
            Assert.Null(house.Queue.LogEnd);

            // One of them asks for the sync; the others wait for the same one.
            Task<ulong> Put(int i) => house.PutAsync($"{i}", i == 1 ? Durability.Synced : Durability.None);
        });
    }

    [Fact]
    public void Where_the_log_cannot_grow_the_rest_of_the_group_fails_and_may_be_tried_again()
    {
        CommitHouse.Run(1, house =>
        {
            EngineThread leader = house.StartSync();
            Task<ulong> fits = house.PutAsync("fits", Durability.Synced);
            Task<ulong> large = house.PutAsync("large", Durability.Synced, valueBytes: 70 << 10);
            Task<ulong> behind = house.PutAsync("behind", Durability.Synced);
            house.Log.Disk.Faults = FaultPlan.Matching(
                call => call.Operation == DiskOperation.Open, Fault.Error(Errors.NoSpace), forEver: true);
            leader.Join();
            house.Queue.Run(CommitKind.Sync);
            Assert.Equal(2UL, ResultOf(fits));
            Assert.IsType<StorageException>(FailureOf(large));
            Assert.IsType<StorageException>(FailureOf(behind));
            Assert.Equal(2UL, house.Views.VisibleSequence);

            house.Log.Disk.Faults = null;
            Assert.Equal(3UL, house.Put("large", Durability.Synced, valueBytes: 70 << 10));
            Assert.Equal(4UL, house.Put("behind", Durability.Synced));
            Assert.Equal([1UL, 2UL, 3UL, 4UL], house.Recover().Values.Order());
        });
    }

    [Fact]
    public void A_full_memtable_is_frozen_by_the_write_behind_the_one_that_filled_it()
    {
        CommitHouse.Run(1, house =>
        {
            house.Put("large", Durability.None, valueBytes: 70 << 10);
            Assert.Equal(0, house.FrozenCount);
            house.Put("small", Durability.None);
            Assert.Equal(1, house.FrozenCount);
            Assert.Equal((1UL, 2UL), (house.Find("large"), house.Find("small")));
        });
    }

    private static void RunAll(CommitHouse house, int threads, Action<int> body)
    {
        EngineThread[] started = [.. Enumerable.Range(0, threads).Select(index => house.Start(() => body(index)))];
        foreach (EngineThread thread in started) thread.Join();
    }

    private static ulong ResultOf(Task<ulong> ended)
    {
        Assert.True(ended.IsCompletedSuccessfully, $"{ended.Status}: {ended.Exception}");
        return ended.Result;
    }

    private static Exception? FailureOf(Task<ulong> ended)
    {
        Assert.True(ended.IsFaulted, $"{ended.Status}");
        return ended.Exception!.InnerException;
    }
}
