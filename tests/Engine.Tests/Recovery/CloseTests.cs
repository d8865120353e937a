using Varve.Native;
using Varve.Recovery;
using Varve.Runtime;

namespace Varve.Tests.Recovery;

public class CloseTests
{
    [Fact]
    public void A_close_after_writing_has_stopped_says_so_and_gives_everything_back()
    {
        var disk = new SimulatedDisk();
        Database database = OpenAndStop(disk);
        var stopped = Assert.Throws<DatabaseReadOnlyException>(database.Close);
        Assert.IsType<StorageException>(stopped.InnerException);
        Assert.Equal(0, disk.OpenFileCount);
    }

    [Fact]
    public void A_dispose_after_writing_has_stopped_is_silent()
    {
        var disk = new SimulatedDisk();
        OpenAndStop(disk).Dispose();
        Assert.Equal(0, disk.OpenFileCount);
    }

    private static Database OpenAndStop(SimulatedDisk disk)
    {
        var scheduler = new SystemScheduler(TimeProvider.System);
        EngineSetup setup = HistoryOptions.DrawSmall(1).CreateSetup(disk, scheduler, new SeededRandom(1), RegionPool.Shared);
        Database database = Database.Open(setup, new DatabaseOptions());
        database.GetMap("a").Put("buffered"u8, [1], Durability.Buffered);
        disk.Faults = FaultPlan.Matching(call => call.Operation == DiskOperation.Sync, Fault.Error(Errors.InputOutput), forEver: true);
        Assert.Throws<CommitOutcomeUnknownException>(() => database.GetMap("a").Put("synced"u8, [2], Durability.Synced));
        disk.Faults = null;
        return database;
    }
}
