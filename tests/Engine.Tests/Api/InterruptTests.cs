using Varve.Native;
using Varve.Runtime;

namespace Varve.Tests.Api;

public sealed class InterruptTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public void An_interrupted_writer_commits_whole_and_is_interrupted_afterwards()
    {
        var disk = new SimulatedDisk();

        // Not closed where the test fails: a commit that was broken off would let the close wait for ever.
        Database database = (OptionSet.Tiny with { Durability = Durability.Synced }).Open(disk, new RegionPool());
        SortedMap map = database.GetMap("m");
        map.Put("warm"u8, "v"u8);
        using var isSyncing = new ManualResetEventSlim();
        using var maySync = new ManualResetEventSlim();
        disk.Faults = call =>
        {
            if (call.Operation != DiskOperation.Sync || !call.Path.EndsWith(".log", StringComparison.Ordinal)) return null;
            isSyncing.Set();
            maySync.Wait();
            return null;
        };
        Thread leader = Start(() => map.Put("leader"u8, "v"u8));
        Assert.True(isSyncing.Wait(Patience));

        ulong sequence = 0;
        Exception? failure = null;
        Exception? behind = null;
        Thread waiter = Start(() =>
        {
            failure = Record.Exception(() => sequence = map.Put("waiter"u8, "v"u8));
            behind = Record.Exception(() => Thread.Sleep(Timeout.Infinite));
        });

        // The runtime does not know of waits on a futex: there the interrupt may come before the wait.
        bool isKnown = !Futex.IsSupported;
        Assert.True(SpinWait.SpinUntil(() => !isKnown || waiter.ThreadState.HasFlag(ThreadState.WaitSleepJoin), Patience));
        waiter.Interrupt();
        Thread last = Start(() => map.Put("last"u8, "v"u8));
        maySync.Set();
        Assert.True(waiter.Join(Patience));
        Assert.Null(failure);
        foreach (Thread thread in (Thread[])[leader, last]) Assert.True(thread.Join(Patience));

        Assert.IsType<ThreadInterruptedException>(behind);
        Assert.InRange(sequence, 1UL, database.DurableSequence);
        foreach (string key in (string[])["leader", "waiter", "last"])
            Assert.True(map.Contains(System.Text.Encoding.UTF8.GetBytes(key)), key);
        map.Put("after"u8, "v"u8);
        database.Close();
    }

    private static Thread Start(Action body)
    {
        var thread = new Thread(() => body()) { IsBackground = true };
        thread.Start();
        return thread;
    }
}
