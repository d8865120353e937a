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
            var files = new VolatileFileSystem();
            var random = new Random(seed);
            using ManifestWriter writer = MakeWriter(files, seed);
            for (int i = 0; i < 40; i++)
            {
                writer.Append(RandomEdit(random, writer.State));
                Assert.True(ManifestText.Of(writer.State) == ManifestText.Of(Manifest.Load(files, Directory)!), $"seed {seed}, edit {i}");
            }
        }
    }

    [Fact]
    public void A_clean_end_holds_until_the_next_edit()
    {
        var files = new VolatileFileSystem();
        using ManifestWriter writer = MakeWriter(files, 1);
        var end = new LogEnd(4, 800, 12);
        writer.Append(new LevelEdit { LogEra = new LogEra(3, 4) });
        writer.Append(new LevelEdit { CleanEnd = end, ClockMarkMilliseconds = 50 });
        Assert.Equal(end, Manifest.Load(files, Directory)!.CleanEnd);
        using ManifestWriter reopened = MakeWriter(files, 2, Manifest.Load(files, Directory)!);
        Assert.Equal(end, reopened.State.CleanEnd);
        reopened.Append(new LevelEdit { FlushedSequence = 9, ClockMarkMilliseconds = 20 });
        ManifestState state = Manifest.Load(files, Directory)!;
        Assert.Null(state.CleanEnd);
        Assert.Equal(new LogEra(3, 4), state.LogEra);
        Assert.Equal(50, state.ClockMarkMilliseconds);
        Assert.Equal(9UL, state.FlushedSequence);
    }

    [Fact]
    public void Each_open_begins_a_new_manifest_and_deletes_the_old_one()
    {
        var files = new VolatileFileSystem();
        for (int open = 1; open <= 3; open++)
        {
            using ManifestWriter writer = MakeWriter(files, open, Manifest.Load(files, Directory));
            writer.Append(new LevelEdit { FlushedSequence = (ulong)open });
            writer.Append(new LevelEdit { FlushedSequence = (ulong)open + 10 });
            Assert.Equal(open, writer.Number);
            Assert.Equal(["CURRENT", $"MANIFEST-00000{open}"], files.ListFiles(Directory));
        }
    }

    [Fact]
    public void A_manifest_that_has_grown_large_is_replaced()
    {
        var files = new VolatileFileSystem();
        using ManifestWriter writer = MakeWriter(files, 1);
        string key = new('k', 16_000);
        int appended = 0;
        long written = 0;
        while (writer.Number < 2 && appended < 200)
        {
            var edit = new LevelEdit();
            if (appended > 0) edit.Remove(6, appended);
            edit.Add(6, TestTables.Info(++appended, key, key));
            writer.Append(edit);
            if (writer.Number == 1) written = files.Get("MANIFEST-000001").Length;
        }

        Assert.Equal(2, writer.Number);
        Assert.True(written > ManifestWriter.KeptBytes, $"{written} bytes");
        Assert.True(files.Get("MANIFEST-000002").Length < 40_000);
        Assert.Equal(ManifestText.Of(writer.State), ManifestText.Of(Manifest.Load(files, Directory)!));
    }

    [Fact]
    public void After_a_power_cut_at_any_call_every_finished_edit_is_there_and_the_unfinished_one_whole_or_not()
    {
        int callCount = RunHistory(new VolatileFileSystem(), 1).CallCount;
        Assert.True(callCount > 20, $"{callCount} calls");
        for (int call = 1; call <= callCount; call++)
        {
            for (int mode = -2; mode < 12; mode++)
            {
                var files = new VolatileFileSystem { FailingCall = call, CutsPower = true };
                History history = RunHistory(files, 1);
                files.Crash(keepsAll: mode == -2, mode < 0 ? null : new Random(call * 100 + mode));
                string found = Manifest.Load(files, Directory) is { } state ? ManifestText.Of(state) : "";
                string context = $"call {call}, mode {mode}, {history.States.Count} states";
                Assert.True(found == history.States[^1] || found == history.Unfinished, $"{context}: {found}");
                CheckGoesOn(files, context);
            }
        }
    }

    [Fact]
    public void After_a_failed_call_the_next_edit_settles_that_the_failed_one_did_not_happen()
    {
        int callCount = RunHistory(new VolatileFileSystem(), 1).CallCount;
        for (int call = 1; call <= callCount; call++)
        {
            var files = new VolatileFileSystem { FailingCall = call };
            History history = RunHistory(files, 1);
            string context = $"call {call}";
            using ManifestWriter writer = MakeWriter(files, 3, history.State);
            writer.Append(new LevelEdit { CleanEnd = history.State.CleanEnd });
            Assert.True(history.States[^1] == ManifestText.Of(Manifest.Load(files, Directory)!), context);
            files.Crash(keepsAll: false, null);
            Assert.True(history.States[^1] == ManifestText.Of(Manifest.Load(files, Directory)!), context);
        }
    }

    private static void CheckGoesOn(VolatileFileSystem files, string context)
    {
        using ManifestWriter writer = MakeWriter(files, 3, Manifest.Load(files, Directory));
        writer.Append(new LevelEdit { NextMapId = 1_234 });
        files.Crash(keepsAll: false, null);
        Assert.True(ManifestText.Of(writer.State) == ManifestText.Of(Manifest.Load(files, Directory)!), context);
    }

    private sealed record History(int CallCount, List<string> States, string Unfinished, ManifestState State);

    /// <summary>Some edits over two opens; stops at a power cut, goes on after a failed call.</summary>
    private static History RunHistory(VolatileFileSystem files, int seed)
    {
        var random = new Random(seed);
        var states = new List<string> { "" };
        string unfinished = "";
        var state = new ManifestState(new DatabaseId(1, 2));
        try
        {
            for (int open = 0; open < 2; open++)
            {
                // As if the process went on: what the last writer knew, not what a failed edit may have left on disk.
                using ManifestWriter writer = MakeWriter(files, seed + open, state);
                for (int i = 0; i < 4; i++)
                {
                    LevelEdit edit = RandomEdit(random, writer.State);
                    ManifestState next = writer.State.Copy();
                    Assert.True(next.TryApply(edit, out _));
                    unfinished = ManifestText.Of(next);
                    try
                    {
                        writer.Append(edit);
                        states.Add(unfinished);
                        state = writer.State;
                    }
                    catch (StorageException)
                    {
                        Assert.Same(state, writer.State);
                    }
                }
            }
        }
        catch (PowerCutException)
        {
            return new History(files.CallCount, states, unfinished, state);
        }

        return new History(files.CallCount, states, unfinished, state);
    }

    private static ManifestWriter MakeWriter(VolatileFileSystem files, int seed, ManifestState? state = null) =>
        new(files, Directory, state ?? new ManifestState(new DatabaseId(1, 2)), new FixedRandomSource(seed));

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
        if (random.Next(3) == 0) edit.NextMapId = (ulong)random.Next(1_000);
        if (random.Next(3) == 0) edit.SequenceBound = (ulong)random.Next(1_000);
        if (random.Next(3) == 0) edit.ClockMarkMilliseconds = random.Next(1_000);
        return edit;
    }
}
