using Varve.Native;
using Varve.Tests.Api;

namespace Varve.Tests.Compaction;

public sealed class UpkeepTests
{
    [Fact]
    public void A_bug_in_compaction_stops_the_database_and_not_the_process()
    {
        var disk = new SimulatedDisk();
        using Database database = OptionSet.Tiny.Open(disk, new RegionPool());
        SortedMap map = database.GetMap("m");
        map.Put("a"u8, new byte[100]);
        database.Compact();
        disk.Faults = call => call.Operation == DiskOperation.Delete ? throw new InvalidOperationException("a bug") : null;
        map.Put("a"u8, new byte[200]);

        Exception failure = Assert.Throws<DatabaseReadOnlyException>(() =>
        {
            database.Compact();
            database.WaitForUpkeep();
        });
        Assert.Contains("a bug", failure.Message);
        Assert.Throws<DatabaseReadOnlyException>(() => map.Put("b"u8, default));
        Assert.Equal(200, map.Get("a"u8)!.Length);
    }

    [Fact]
    public void A_bug_in_a_flush_stops_the_database_and_not_the_process()
    {
        var disk = new SimulatedDisk();
        using Database database = OptionSet.Tiny.Open(disk, new RegionPool());
        SortedMap map = database.GetMap("m");
        map.Put("a"u8, new byte[100]);
        disk.Faults = call => call.Path.EndsWith(".table", StringComparison.Ordinal) ? throw new InvalidOperationException("a bug") : null;

        Assert.Throws<InvalidOperationException>(database.Flush);
        Assert.Throws<DatabaseReadOnlyException>(() => map.Put("b"u8, default));
        Assert.Equal(100, map.Get("a"u8)!.Length);
    }
}
