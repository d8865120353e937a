using System.Text;
using Varve.Tests.Api;

namespace Varve.Tests.Maintenance;

/// <summary>
/// Without a manifest a repair takes every table that is there, also those that no manifest ever named: none of them may stand for writes
/// that only the log has.
/// </summary>
public sealed class RepairLeftoverTests
{
    private const int Count = 40;

    private readonly MaintenanceHouse _house = new();

    [Fact]
    public void A_flush_of_which_a_crash_kept_a_part_does_not_stand_for_the_log()
    {
        SimulatedDisk crashed;
        using (Database database = _house.Open())
        {
            PutAll(database);
            crashed = _house.Disk.Fork();
            database.Flush();
            database.Close();
        }

        string table = _house.Files(".table").Single();
        byte[] content = _house.Disk.ReadAll(table);
        _house.Disk = crashed;
        _house.Disk.WriteAll(table, content);
        _house.Disk.FlipBit(table, 8L * 300);
        RepairWithoutManifest();
        _house.AssertSound();
    }

    [Fact]
    public void An_ingest_that_a_crash_has_ended_does_not_stand_for_the_log()
    {
        SimulatedDisk crashed;
        using (Database database = _house.Open())
        {
            PutAll(database);
            using IngestWriter ingest = database.CreateIngest();
            byte[] value = new byte[100];
            for (int i = 0; i < 1_000; i++) ingest.Add(database.GetMap("ingested"), MaintenanceHouse.Key(i), value);
            crashed = _house.Disk.Fork();
        }

        _house.Disk = crashed;
        Assert.NotEmpty(_house.Files(".table"));
        RepairReport report = RepairWithoutManifest();
        Assert.Contains(report.Risks, risk => risk.Contains("was ingested", StringComparison.Ordinal));

        // Its map got a name with the commit only.
        _house.AssertSound(name => !name.StartsWith("m:", StringComparison.Ordinal));
    }

    [Fact]
    public void What_is_left_of_a_damaged_ingested_table_stays_above_what_it_was_written_over()
    {
        var house = new MaintenanceHouse(_house.Disk) { Options = _house.Options with { LevelZeroTrigger = 100 } };
        using (Database database = house.Open())
        {
            for (int i = 0; i < Count; i++) house.Put(database, "m", i, $"before {i}");
            database.Flush();
            using (IngestWriter ingest = database.CreateIngest())
            {
                for (int i = 0; i < Count; i++)
                {
                    string value = $"ingested {i} {new string('x', 400)}";
                    ingest.Add(database.GetMap("m"), MaintenanceHouse.Key(i), Encoding.UTF8.GetBytes(value));
                    house.Model[MaintenanceHouse.Name("m", i)] = value;
                }

                ingest.Commit();
            }

            database.Close();
        }

        string table = house.Files(".table").Single(path => house.Disk.ReadAll(path).AsSpan().IndexOf("ingested 0"u8) > 0);
        house.Disk.FlipBit(table, 8L * 300);
        foreach (string path in house.Files("MANIFEST-")) house.Disk.Remove(path);
        RepairReport report = house.Repair();
        RepairLoss loss = Assert.Single(report.Losses);
        Assert.Equal(Path.GetFileName(table), loss.FileName);
        string first = "m:" + Convert.ToHexString(loss.FirstKey!);
        string last = "m:" + Convert.ToHexString(loss.LastKey!);
        Assert.True(string.CompareOrdinal(first, MaintenanceHouse.Name("m", 0)) > 0);
        house.AssertSound(name => string.CompareOrdinal(name, first) >= 0 && string.CompareOrdinal(name, last) <= 0);
    }

    /// <summary>The power goes while a repair makes the names of its tables durable; the next one finds any of them.</summary>
    [Fact]
    public void Tables_of_a_repair_that_a_power_cut_has_ended_do_not_stand_for_the_log()
    {
        var house = new MaintenanceHouse { Options = OptionSet.Tiny with { MemtableBytes = 16 << 20, LogSegmentBytes = 16 << 20 } };
        using (Database database = house.Open())
        {
            string text = new('x', 20_000);
            for (int i = 0; i < 150; i++) house.Put(database, "m", i, $"{i} {text}");
            database.Sync();
            house.Disk = house.Disk.Crash(CrashMode.KeepAll);
        }

        foreach (string path in house.Files("MANIFEST-")) house.Disk.Remove(path);
        int cuts = 0;
        for (int sync = 1; sync <= 3; sync++)
        {
            SimulatedDisk cut = house.Disk.Fork();
            cut.Faults = FaultPlan.Matching(call => call.Operation == DiskOperation.SyncDirectory, Fault.PowerCut, sync);
            Assert.Throws<SimulatedPowerCutException>(() => DatabaseRepair.Run(cut, new SeededRandom(7), MaintenanceHouse.Directory));
            for (int seed = 0; seed < 6; seed++)
            {
                var after = new MaintenanceHouse(cut.Crash(CrashMode.Random, seed)) { Options = house.Options };
                foreach ((string name, string value) in house.Model) after.Model[name] = value;
                Assert.Empty(after.Repair().Remaining);
                after.AssertSound(where: $"cut at sync {sync}, seed {seed}");
                cuts++;
            }
        }

        Assert.Equal(18, cuts);
    }

    /// <summary>The repair counts by then, and only its report says what is lost.</summary>
    [Fact]
    public void What_was_lost_is_told_also_where_the_last_steps_are_refused_or_cancelled()
    {
        _house.Fill();
        string table = _house.FullestTable();
        _house.Disk.FlipBit(table, 8L * 900);
        SimulatedDisk whole = _house.Disk.Fork();
        int losses = _house.Repair().Losses.Count;
        Assert.True(losses > 0);

        using var cancellation = new CancellationTokenSource();
        long installed = 0;
        SimulatedDisk disk = whole.Fork();
        disk.Faults = call =>
        {
            bool installs = call.Operation == DiskOperation.Rename && call.Path.EndsWith("/CURRENT.tmp", StringComparison.Ordinal);
            if (installs) installed = call.Index;
            if (installed > 0) cancellation.Cancel();
            return null;
        };
        RepairReport cancelled = DatabaseRepair.Run(
            disk, new SeededRandom(7), MaintenanceHouse.Directory, cancellation: cancellation.Token);
        Assert.True(installed > 0);
        Assert.Equal(losses, cancelled.Losses.Count);

        // Behind the rename comes the sync of the directory, which has to succeed; then the last steps.
        disk = whole.Fork();
        disk.Faults = FaultPlan.From(installed + 2, Fault.Error(Errors.NoSpace));
        RepairReport refused = DatabaseRepair.Run(disk, new SeededRandom(7), MaintenanceHouse.Directory);
        Assert.Equal(losses, refused.Losses.Count);
        Assert.Single(refused.Remaining);
    }

    [Fact]
    public void A_directory_without_a_database_is_left_as_it_is()
    {
        _house.Disk.CreateDirectory("/letters");
        _house.Disk.WriteAll("/letters/letter.txt", "x"u8);
        Assert.Throws<DirectoryNotFoundException>(() => DatabaseRepair.Run(_house.Disk, new SeededRandom(7), "/letters"));
        Assert.Equal(["letters/letter.txt"], _house.Disk.ListAllFiles());
    }

    private void PutAll(Database database)
    {
        for (int i = 0; i < Count; i++) _house.Put(database, "m", i, $"value {i} {new string('x', 40)}");
        database.Sync();
    }

    private RepairReport RepairWithoutManifest()
    {
        foreach (string path in _house.Files("MANIFEST-")) _house.Disk.Remove(path);
        RepairReport report = _house.Repair();
        Assert.Empty(report.Remaining);
        return report;
    }
}
