using Varve.Catalog;
using Varve.Commit;
using Varve.Runtime;

namespace Varve.Tests.Commit;

public sealed class RefusedDropTests
{
    [Fact]
    public void A_drop_that_the_log_refuses_drops_nothing_for_whoever_comes_behind_it()
    {
        CommitHouse.Run(1, house =>
        {
            EngineThread leader = house.StartSync();
            Task<ulong> large = house.PutAsync("large", Durability.Synced, valueBytes: 70 << 10);
            var drop = new BatchBuffer();
            drop.AddDrop(house.Map, MapCatalog.Root, "m"u8);
            Task<ulong> dropped = house.Queue.RunAsync(drop, Durability.Synced, CancellationToken.None).AsTask();
            Task<ulong> behind = house.PutAsync("behind", Durability.Synced);
            house.Log.Disk.Faults = FaultPlan.Matching(
                call => call.Operation == DiskOperation.Open, Fault.Error(Errors.NoSpace), forEver: true);
            leader.Join();
            house.Queue.Run(CommitKind.Sync);
            Assert.All(
                (Task<ulong>[])[large, dropped, behind],
                refused => Assert.IsType<StorageException>(refused.Exception?.InnerException));
            house.Log.Disk.Faults = null;

            // The next request of all is the one that what was kept of the refused drop could mislead.
            var marks = new BatchBuffer();
            marks.AddIngest(house.Map, house.Map.Prefix, house.Map.Prefix);
            Assert.Equal(2UL, house.Queue.Run(CommitKind.Ingest, marks, Durability.Synced, _ => { }));
            Assert.Equal(3UL, house.Put("behind", Durability.Synced));
        });
    }
}
