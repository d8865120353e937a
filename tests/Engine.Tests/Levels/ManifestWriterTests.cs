using Varve.Bytes;
using Varve.Levels;
using Varve.Log;

namespace Varve.Tests.Levels;

public class ManifestWriterTests
{
    private const string Directory = "db";

    [Fact]
    public void The_state_after_any_history_is_what_is_loaded()
    {
        for (int seed = 1; seed <= 6; seed++)
        {
            SimulatedDisk disk = MakeDisk();
            var random = new Random(seed);
            using ManifestWriter writer = MakeWriter(disk, seed);
            for (int i = 0; i < 40; i++)
            {
                writer.Append(RandomEdit(random, writer.State));
                Assert.True(ManifestText.Of(writer.State) == ManifestText.Of(Manifest.Load(disk, Directory)!), $"seed {seed}, edit {i}");
            }
        }
    }

    [Fact]
    public void A_clean_end_holds_until_the_next_edit()
    {
        SimulatedDisk disk = MakeDisk();
        using ManifestWriter writer = MakeWriter(disk, 1);
        var end = new LogEnd(4, 800, 12);
        writer.Append(new LevelEdit { LogEra = new LogEra(3, 4) });
        writer.Append(new LevelEdit { CleanEnd = end, ClockMarkMilliseconds = 50 });
        Assert.Equal(end, Manifest.Load(disk, Directory)!.CleanEnd);
        using ManifestWriter reopened = MakeWriter(disk, 2, Manifest.Load(disk, Directory)!);
        Assert.Equal(end, reopened.State.CleanEnd);
        reopened.Append(new LevelEdit { FlushedSequence = 9, ClockMarkMilliseconds = 20 });
        ManifestState state = Manifest.Load(disk, Directory)!;
        Assert.Null(state.CleanEnd);
        Assert.Equal(new LogEra(3, 4), state.LogEra);
        Assert.Equal(50, state.ClockMarkMilliseconds);
        Assert.Equal(9UL, state.FlushedSequence);
    }

    [Fact]
    public void Each_open_begins_a_new_manifest_and_deletes_the_old_one()
    {
        SimulatedDisk disk = MakeDisk();
        for (int open = 1; open <= 3; open++)
        {
            using ManifestWriter writer = MakeWriter(disk, open, Manifest.Load(disk, Directory));
            writer.Append(new LevelEdit { FlushedSequence = (ulong)open });
            writer.Append(new LevelEdit { FlushedSequence = (ulong)open + 10 });
            Assert.Equal(open, writer.Number);
            Assert.Equal(["CURRENT", $"MANIFEST-00000{open}"], disk.ListFiles(Directory));
        }
    }

    [Fact]
    public void A_manifest_that_has_grown_large_is_replaced()
    {
        SimulatedDisk disk = MakeDisk();
        using ManifestWriter writer = MakeWriter(disk, 1);
        string key = new('k', 16_000);
        int appended = 0;
        long written = 0;
        while (writer.Number < 2 && appended < 200)
        {
            var edit = new LevelEdit();
            if (appended > 0) edit.Remove(6, appended);
            edit.Add(6, TestTables.Info(++appended, key, key));
            writer.Append(edit);
            if (writer.Number == 1) written = disk.ReadAll("db/MANIFEST-000001").Length;
        }

        Assert.Equal(2, writer.Number);
        Assert.True(written > ManifestWriter.KeptBytes, $"{written} bytes");
        Assert.True(disk.ReadAll("db/MANIFEST-000002").Length < 40_000);
        Assert.Equal(ManifestText.Of(writer.State), ManifestText.Of(Manifest.Load(disk, Directory)!));
    }

    [Fact]
    public void After_a_power_cut_at_any_call_every_finished_edit_is_there_and_the_unfinished_one_whole_or_not()
    {
        int runs = 0;
        CrashSweep.CutPowerAtEveryCall(
            MakeDisk,
            () => new History(),
            (disk, history) =>
            {
                runs++;
                history.Run(disk);
            },
            (disk, history, context) =>
            {
                string found = Manifest.Load(disk, Directory) is { } state ? ManifestText.Of(state) : "";
                Assert.True(
                    found == history.States[^1] || found == history.Unfinished,
                    $"{context}, {history.States.Count} states: {found}");
                CheckGoesOn(disk, context);
            },
            seeds: 12);
        Assert.True(runs > 20, $"{runs} runs");
    }

    [Theory]
    [InlineData(nameof(FailedSync.LeavesDirty))]
    [InlineData(nameof(FailedSync.MarksClean))]
    [InlineData(nameof(FailedSync.DropsUnsynced))]
    public void After_a_failed_call_the_next_edit_settles_that_the_failed_one_did_not_happen(string failedSync)
    {
        Fault fault = Fault.HalfWrite(Errors.InputOutput, Enum.Parse<FailedSync>(failedSync));
        int runs = 0;
        CrashSweep.FailEveryCall(MakeDisk, fault, forEver: false, (disk, context) =>
        {
            runs++;
            disk.Faults = OnlyAppending(disk, disk.Faults);
            var history = new History();
            history.Run(disk);
            disk.Faults = OnlyAppending(disk, null);
            using ManifestWriter writer = MakeWriter(disk, 3, history.State);
            writer.Append(new LevelEdit { CleanEnd = history.State.CleanEnd });
            Assert.True(history.States[^1] == ManifestText.Of(Manifest.Load(disk, Directory)!), context);
            SimulatedDisk found = disk.Crash(CrashMode.KeepNothing);
            Assert.True(history.States[^1] == ManifestText.Of(Manifest.Load(found, Directory)!), context);
        });
        Assert.True(runs > 20, $"{runs} runs");
    }

    private static void CheckGoesOn(SimulatedDisk disk, string context)
    {
        disk.Faults = OnlyAppending(disk, null);
        using ManifestWriter writer = MakeWriter(disk, 3, Manifest.Load(disk, Directory));
        writer.Append(new LevelEdit { SequenceBound = 1_234 });
        SimulatedDisk found = disk.Crash(CrashMode.KeepNothing);
        Assert.True(ManifestText.Of(writer.State) == ManifestText.Of(Manifest.Load(found, Directory)!), context);
    }

    /// <summary>The plan, and a failed test for a write that does not append: none may lie over the bytes of a failed one.</summary>
    private static Func<DiskCall, Fault?> OnlyAppending(SimulatedDisk disk, Func<DiskCall, Fault?>? plan) => call =>
    {
        if (call.Operation == DiskOperation.Write) Assert.Equal(disk.ReadAll(call.Path).Length, call.Offset);
        return plan?.Invoke(call);
    };

    private static SimulatedDisk MakeDisk()
    {
        var disk = new SimulatedDisk();
        disk.CreateDirectory(Directory);
        return disk;
    }

    /// <summary>Some edits over two opens; ends with the power, goes on after a failed call.</summary>
    private sealed class History
    {
        /// <summary>The state after each edit that succeeded.</summary>
        public List<string> States { get; } = [""];

        /// <summary>The state as the last edit tried would make it.</summary>
        public string Unfinished { get; private set; } = "";

        public ManifestState State { get; private set; } = new(new DatabaseId(1, 2));

        public void Run(SimulatedDisk disk)
        {
            var random = new Random(1);
            for (int open = 0; open < 2; open++)
            {
                // As if the process went on: what the last writer knew, not what a failed edit may have left on disk.
                using ManifestWriter writer = MakeWriter(disk, open + 1, State);
                for (int i = 0; i < 4; i++)
                {
                    LevelEdit edit = RandomEdit(random, writer.State);
                    ManifestState next = writer.State.Copy();
                    Assert.True(next.TryApply(edit, out _));
                    Unfinished = ManifestText.Of(next);
                    try
                    {
                        writer.Append(edit);
                        States.Add(Unfinished);
                        State = writer.State;
                    }
                    catch (StorageException)
                    {
                        Assert.Same(State, writer.State);
                    }
                }
            }
        }
    }

    private static ManifestWriter MakeWriter(SimulatedDisk disk, int seed, ManifestState? state = null) =>
        new(disk, Directory, state ?? new ManifestState(new DatabaseId(1, 2)), new FixedRandomSource(seed));

    private static LevelEdit RandomEdit(Random random, ManifestState state)
    {
        var edit = new LevelEdit();
        foreach (LeveledTable table in state.Tables)
        {
            if (random.Next(3) > 0) continue;
            edit.Remove(table.Level, table.Info.Number);
            if (random.Next(3) == 0) edit.Add(table.Level == 6 ? 5 : 6, table.Info);
        }

        long number = state.NextFileNumber;
        for (int i = random.Next(4); i > 0; i--, number++)
            edit.Add(random.Next(7), TestTables.Info(number, $"{number:d8}", $"{number:d8}x", (ulong)number, (ulong)number));
        if (random.Next(2) == 0) edit.FlushedSequence = (ulong)random.Next(1_000);
        if (random.Next(2) == 0) edit.NextFileNumber = number + 3;
        if (random.Next(3) == 0) edit.LogEra = new LogEra((ulong)random.NextInt64(), random.Next(1, 100));
        if (random.Next(3) == 0) edit.CleanEnd = new LogEnd(random.Next(1, 9), random.Next(1, 999), 44);
        if (random.Next(3) == 0) edit.SequenceBound = (ulong)random.Next(1_000);
        if (random.Next(3) == 0) edit.ClockMarkMilliseconds = random.Next(1_000);
        return edit;
    }
}
