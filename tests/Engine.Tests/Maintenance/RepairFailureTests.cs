using Varve.Native;
using Varve.Tests.Api;

namespace Varve.Tests.Maintenance;

/// <summary>A repair that is cut short, at every call it makes: nothing is lost, and the next one ends as it would have.</summary>
public sealed class RepairFailureTests
{
    /// <summary>Damages, each of which takes another way through the repair.</summary>
    public static TheoryData<string> Damages => new("block", "no manifest", "log", "block and no CURRENT");

    [Theory]
    [MemberData(nameof(Damages))]
    public void Every_call_that_fails_once_loses_nothing(string damage)
    {
        SimulatedDisk damaged = MakeDamaged(damage, out SortedDictionary<string, string> expected);
        int failures = 0;
        CrashSweep.FailEveryCall(damaged.Fork, Fault.HalfWrite(Errors.NoSpace), forEver: false, (disk, where) =>
        {
            Exception? failure = Record.Exception(() => Repair(disk));
            disk.Faults = null;
            if (failure is not null) failures++;
            Assert.True(failure is null or StorageException, $"{damage}, {where}: {failure}");
            Assert.Equal(0, disk.OpenFileCount);
            AssertOriginals(damaged, disk, $"{damage}, {where}");
            RepairReport report = Repair(disk);
            Assert.True(report.Remaining.Count == 0, $"{damage}, {where}");
            AssertHolds(disk, expected, $"{damage}, {where}");
        });
        Assert.True(failures > 20, $"only {failures} calls failed");
    }

    [Theory]
    [MemberData(nameof(Damages))]
    public void A_power_cut_at_every_call_loses_nothing(string damage)
    {
        SimulatedDisk damaged = MakeDamaged(damage, out SortedDictionary<string, string> expected);
        CrashSweep.CutPowerAtEveryCall(
            damaged.Fork,
            () => 0,
            (disk, _) => Repair(disk),
            (disk, _, where) =>
            {
                AssertOriginals(damaged, disk, $"{damage}, {where}");
                RepairReport report = Repair(disk);
                Assert.True(report.Remaining.Count == 0, $"{damage}, {where}: {string.Join('\n', report.Remaining)}");
                AssertHolds(disk, expected, $"{damage}, {where}");
            },
            seeds: 1);
    }

    private static RepairReport Repair(SimulatedDisk disk) =>
        DatabaseRepair.Run(disk, new SeededRandom(5), MaintenanceHouse.Directory);

    /// <summary>A small database that is damaged, and what a repair without interruption makes of it.</summary>
    private static SimulatedDisk MakeDamaged(string damage, out SortedDictionary<string, string> expected)
    {
        var house = new MaintenanceHouse();
        using (Database database = house.Open())
        {
            // What does not compress: the damaged block is one of several.
            var random = new Random(1);
            byte[] noise = new byte[24];
            for (int i = 0; i < 200; i++)
            {
                random.NextBytes(noise);
                house.Put(database, "m", i, $"first {i} {Convert.ToHexString(noise)}");
            }

            database.Flush();
            database.WaitForUpkeep();
            for (int i = 0; i < 200; i += 3) house.Delete(database, "m", i);
            database.Flush();
            for (int i = 0; i < 8; i++)
            {
                house.Put(database, "other", i, $"third {i}");
                database.Sync();
            }

            house.Disk = house.Disk.Crash(CrashMode.KeepNothing);
        }

        if (damage.Contains("block", StringComparison.Ordinal)) house.Disk.FlipBit(house.FullestTable(), 8L * 900);
        if (damage.Contains("manifest", StringComparison.Ordinal))
        {
            foreach (string path in house.Files("MANIFEST-")) house.Disk.Remove(path);
        }

        if (damage.Contains("CURRENT", StringComparison.Ordinal)) house.Disk.Remove("/data/CURRENT");
        if (damage == "log")
        {
            string log = house.Files(".log").First(path => house.Disk.ReadAll(path).AsSpan().IndexOf("third 3"u8) > 0);
            house.Disk.FlipBit(log, 8L * house.Disk.ReadAll(log).AsSpan().IndexOf("third 3"u8));
        }

        SimulatedDisk whole = house.Disk.Fork();
        RepairReport report = Repair(whole);
        Assert.False(report.WasSound);
        Assert.Empty(report.Remaining);
        using Database repaired = OptionSet.Tiny.Open(whole, new RegionPool(), directory: MaintenanceHouse.Directory);
        expected = MaintenanceHouse.Read(repaired);
        Assert.True(expected.Count > 20, $"{expected.Count} entries are left");
        return house.Disk;
    }

    /// <summary>Every file that was there is still there with its content, under its name or set aside.</summary>
    private static void AssertOriginals(SimulatedDisk before, SimulatedDisk after, string where)
    {
        foreach (string path in before.ListAllFiles())
        {
            if (path.EndsWith("/LOCK", StringComparison.Ordinal)) continue;
            byte[] content = before.ReadAll(path);
            string name = Path.GetFileName(path);
            bool isThere = after.ListAllFiles().Any(
                other => Path.GetFileName(other) == name && after.ReadAll(other).AsSpan().SequenceEqual(content));
            Assert.True(isThere, $"{where}: {path} is gone");
        }
    }

    private static void AssertHolds(SimulatedDisk disk, SortedDictionary<string, string> expected, string where)
    {
        using Database database = OptionSet.Tiny.Open(disk, new RegionPool(), directory: MaintenanceHouse.Directory);
        SortedDictionary<string, string> found = MaintenanceHouse.Read(database);
        Assert.True(expected.SequenceEqual(found), $"{where}: {expected.Count} entries expected, {found.Count} found");
    }
}
