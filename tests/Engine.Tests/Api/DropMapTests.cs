using Varve.Native;

namespace Varve.Tests.Api;

public sealed class DropMapTests
{
    private readonly RegionPool _pool = new();

    [Fact]
    public void A_dropped_map_is_empty_its_name_is_free_and_its_handle_takes_no_writes()
    {
        using Database database = OptionSet.Tiny.Open(new SimulatedDisk(), _pool);
        SortedMap old = RangeDeleteTests.Fill(database, "m", "a", "b");
        RangeDeleteTests.Fill(database, "other", "x");
        Assert.False(database.DropMap("nobody"));
        Assert.True(database.DropMap("m"));
        Assert.False(database.DropMap("m"));
        Assert.Equal(["other"], database.ListMaps());
        Assert.Equal("", RangeDeleteTests.Keys(old));
        Assert.Null(old.Get("a"u8));
        ulong latest = database.LatestSequence;
        Assert.Equal("m", Assert.Throws<MapDroppedException>(() => old.Put("a"u8, [])).MapName);
        Assert.Throws<MapDroppedException>(() => old.DeleteRange([], []));
        using WriteBatch batch = database.CreateBatch();
        batch.Put(database.GetMap("other"), "y"u8, []);
        batch.Put(old, "a"u8, []);
        Assert.Throws<MapDroppedException>(() => database.Write(batch));
        Assert.Equal(latest, database.LatestSequence);
        Assert.Equal("x", RangeDeleteTests.Keys(database.GetMap("other")));

        SortedMap fresh = RangeDeleteTests.Fill(database, "m", "c");
        Assert.NotSame(old, fresh);
        Assert.Equal(("c", ""), (RangeDeleteTests.Keys(fresh), RangeDeleteTests.Keys(old)));
        Assert.Equal(["m", "other"], database.ListMaps());
    }

    [Fact]
    public void Snapshots_resolve_names_at_their_sequence()
    {
        using Database database = OptionSet.Tiny.Open(new SimulatedDisk(), _pool);
        using Snapshot empty = database.CreateSnapshot();
        RangeDeleteTests.Fill(database, "m", "old");
        using Snapshot before = database.CreateSnapshot();
        database.DropMap("m");
        using Snapshot between = database.CreateSnapshot();
        RangeDeleteTests.Fill(database, "m", "new");
        foreach (Action upkeep in (Action[])[() => { }, database.Flush, () => database.Compact()])
        {
            upkeep();
            Assert.True(empty.GetMap("m") is null && between.GetMap("m") is null);
            Assert.True(empty.ListMaps().Count == 0 && between.ListMaps().Count == 0);
            Assert.Equal(["m"], before.ListMaps());
            SortedMap old = before.GetMap("m")!;
            Assert.Equal("old", RangeDeleteTests.Keys(old, before));
            Assert.Equal("new", RangeDeleteTests.Keys(database.GetMap("m")));
            Assert.Throws<MapDroppedException>(() => old.Put("x"u8, []));
        }

        using Snapshot now = database.CreateSnapshot();
        Assert.Same(database.GetMap("m").Identity, now.GetMap("m")!.Identity);
    }

    [Fact]
    public void No_id_comes_back_whatever_was_dropped_before_the_next_open()
    {
        var disk = new SimulatedDisk();
        var ids = new HashSet<ulong>();
        for (int round = 0; round < 6; round++)
        {
            using Database database = OptionSet.Tiny.Open(disk, _pool);
            for (int i = 0; i < 3; i++)
            {
                SortedMap map = RangeDeleteTests.Fill(database, $"map {round} {i}", "a");
                Assert.True(ids.Add(map.Identity.Id), $"round {round}: id {map.Identity.Id} is given again");
                if (i > 0) Assert.True(database.DropMap(map.Name));
            }

            if (round % 2 == 0) database.Compact();
            if (round % 3 == 0) continue;
            SimulatedDisk survivor = disk.Crash(CrashMode.KeepAll);
            database.Dispose();
            disk = survivor;
        }

        using Database last = OptionSet.Tiny.Open(disk, _pool);
        Assert.Equal(6, last.ListMaps().Count);
        Assert.True(last.Verify().IsSound);
    }

    [Fact]
    public void Of_threads_that_write_and_one_that_drops_each_write_is_either_gone_or_refused()
    {
        using Database database = OptionSet.Tiny.Open(new SimulatedDisk(), _pool);
        for (int round = 0; round < 20; round++)
        {
            SortedMap map = RangeDeleteTests.Fill(database, "m", "first");
            int refused = 0;
            Parallel.For(0, 4, thread =>
            {
                for (int i = 0; i < 20; i++)
                {
                    try
                    {
                        if (thread == 0 && i == 10) database.DropMap("m");
                        else map.Put([(byte)thread, (byte)i], []);
                    }
                    catch (MapDroppedException)
                    {
                        Interlocked.Increment(ref refused);
                    }
                }
            });
            Assert.True(refused >= 9);
            Assert.Equal("", RangeDeleteTests.Keys(map));
            Assert.Equal("", RangeDeleteTests.Keys(database.GetMap("m")));
            Assert.Empty(database.ListMaps());
        }
    }
}
