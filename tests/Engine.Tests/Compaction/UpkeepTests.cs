using Varve.Native;
using Varve.Runtime;
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

    [Fact]
    public void A_sync_after_the_last_write_is_stated_in_the_idle_log_so_that_damage_before_it_is_found()
    {
        var scheduler = new DeterministicScheduler(1);
        scheduler.Run(() =>
        {
            var disk = new SimulatedDisk(1, scheduler);
            EngineSignal never = scheduler.CreateSignal("never");
            Database database = OptionSet.Tiny.Open(disk, new RegionPool(), scheduler: scheduler);
            database.GetMap("m").Put("key that is looked for"u8, default);
            never.Wait(TimeSpan.FromSeconds(3));
            database.Sync();
            never.Wait(TimeSpan.FromSeconds(3));

            SimulatedDisk found = disk.Crash(CrashMode.KeepAll);
            database.Dispose();
            string log = found.ListAllFiles().Single(path => path.EndsWith(".log", StringComparison.Ordinal) && Holds(found, path));
            found.FlipBit(log, 8 * found.ReadAll(log).AsSpan().IndexOf("key that is looked for"u8));
            Assert.Equal(log, Assert.Throws<CorruptDataException>(() => OptionSet.Tiny.Open(found, new RegionPool())).Path);
        });

        static bool Holds(SimulatedDisk disk, string path) => disk.ReadAll(path).AsSpan().IndexOf("key that is looked for"u8) >= 0;
    }

    [Fact]
    public void A_part_of_a_compaction_that_fails_leaves_nothing_behind_and_the_job_is_done_later()
    {
        int failures = 0;
        for (int seed = 1; seed <= 12; seed++)
        {
            var scheduler = new DeterministicScheduler(seed);
            scheduler.Run(() =>
            {
                var disk = new SimulatedDisk(seed, scheduler);
                OptionSet options = OptionSet.Tiny with { CompactionThreads = 2, MemtableBytes = 64 << 10, TableBytes = 16 << 10 };
                using Database database = options.Open(disk, new RegionPool(), scheduler: scheduler);
                SortedMap map = database.GetMap("m");
                var random = new Random(seed);
                for (int i = 0; i < 600; i++) map.Put(BitConverter.GetBytes(i * 7919), MakeValue(random));
                database.Compact();
                for (int i = 0; i < 600; i++) map.Put(BitConverter.GetBytes(i * 7919), MakeValue(random));
                database.Flush();

                // Some table of the compaction, in whichever part it is: the others have written theirs, or are about to.
                int syncs = random.Next(5);
                disk.Faults = call => call.Operation == DiskOperation.Sync && IsTable(call.Path) && syncs-- == 0
                    ? Fault.Error(Errors.InputOutput)
                    : null;
                try
                {
                    database.Compact();
                }
                catch (StorageException)
                {
                    failures++;
                }

                disk.Faults = null;
                database.Compact();
                database.WaitForUpkeep();
                Assert.Equal(TablesOf(database), FilesOf(disk));
                for (int i = 0; i < 600; i++) Assert.NotNull(map.Get(BitConverter.GetBytes(i * 7919)));
            });
        }

        Assert.True(failures > 3, $"{failures} compactions failed");

        static bool IsTable(string path) => path.EndsWith(".table", StringComparison.Ordinal);
        static int FilesOf(SimulatedDisk disk) => disk.ListAllFiles().Count(IsTable);
        static int TablesOf(Database database) => database.GetStatistics().Levels.Sum(level => level.Tables.Count);
        static byte[] MakeValue(Random random)
        {
            byte[] value = new byte[100];
            random.NextBytes(value);
            return value;
        }
    }

    [Fact]
    public void Writers_of_large_batches_stop_while_compaction_is_as_far_behind_as_it_may_be()
    {
        var scheduler = new DeterministicScheduler(1);
        scheduler.Run(() =>
        {
            var disk = new SimulatedDisk(1, scheduler);
            EngineSignal device = scheduler.CreateSignal("device");
            OptionSet options = OptionSet.Tiny with { MemtableBytes = 64 << 10, LogSegmentBytes = 256 << 10, FilterBitsPerKey = 0 };
            using Database database = options.Open(disk, new RegionPool(), scheduler: scheduler);
            SortedMap map = database.GetMap("m");

            // Reading is slow, so that compaction is far slower than flushes.
            disk.BeforeCall = operation =>
            {
                if (operation == DiskOperation.Read) device.Wait(TimeSpan.FromSeconds(5));
            };
            int tablesMost = 0;
            var random = new Random(1);
            byte[] value = new byte[8 << 10];
            for (int i = 0; i < 120; i++)
            {
                using WriteBatch batch = database.CreateBatch();
                for (int j = 0; j < 15; j++)
                {
                    random.NextBytes(value);
                    batch.Put(map, BitConverter.GetBytes(random.Next()), value);
                }

                database.Write(batch);
                tablesMost = Math.Max(tablesMost, database.GetStatistics().Levels[0].Tables.Count);
            }

            disk.BeforeCall = null;
            Assert.InRange(tablesMost, 20, options.LevelZeroTrigger + 36 + 3);
        });
    }
}
