using Varve.Feed;
using Varve.Levels;
using Varve.Native;

namespace Varve.Tests.Api;

public sealed class CheckpointTests
{
    private const string Target = "/copies/first";

    private readonly SimulatedDisk _disk = new();
    private readonly RegionPool _pool = new();

    [Fact]
    public void It_opens_as_the_database_of_its_moment_and_both_go_on_apart()
    {
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < 500; i++) map.Put(BitConverter.GetBytes(i), [1, (byte)i]);
        ulong latest = database.LatestSequence;
        ulong sequence = database.Checkpoint(Target);
        Assert.Equal(latest, sequence);
        for (int i = 0; i < 700; i++) map.Put(BitConverter.GetBytes(i), [2, (byte)i]);
        database.Compact();

        using (Database copy = Open(Target))
        {
            SortedMap copied = copy.GetMap("m");
            for (int i = 0; i < 500; i++) Assert.Equal([1, (byte)i], copied.Get(BitConverter.GetBytes(i)));
            Assert.Equal(500, Count(copied));
            Assert.Equal(["m"], copy.ListMaps());
            Assert.True(copied.Put("own"u8, "v"u8) > (1UL << 32));
            copy.Compact();
            Assert.True(copy.Verify().IsSound);
        }

        for (int i = 0; i < 700; i++) Assert.Equal([2, (byte)i], map.Get(BitConverter.GetBytes(i)));
        Assert.False(map.Contains("own"u8));
        Assert.True(database.Verify().IsSound);
        using Database again = Open(Target);
        Assert.Equal(501, Count(again.GetMap("m")));
        again.GetMap("other").Put("k"u8, "v"u8);
    }

    [Fact]
    public void It_opens_for_reading_as_it_was_made_and_has_the_same_id()
    {
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < 50; i++) map.Put([(byte)i], [1]);
        ulong sequence = database.Checkpoint(Target);
        using (Database copy = OptionSet.Tiny.Open(_disk, _pool, isReadOnly: true, directory: Target))
        {
            Assert.Equal(sequence, copy.LatestSequence);
            Assert.Equal(50, Count(copy.GetMap("m")));
            Assert.Throws<DatabaseReadOnlyException>(() => copy.Checkpoint("/copies/second"));
        }

        Assert.Equal(
            Manifest.Load(_disk, "data")!.DatabaseId, Manifest.Load(_disk, Target)!.DatabaseId);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_feed_of_it_begins_where_it_was_made_and_says_that_what_was_before_is_lost(bool isReadOnly)
    {
        ulong sequence;
        using (Database database = Open())
        {
            for (int i = 0; i < 20; i++) database.GetMap("m").Put([(byte)i], [1]);
            sequence = database.Checkpoint(Target);
        }

        using Database copy = OptionSet.Tiny.Open(_disk, _pool, isReadOnly, Target);
        Assert.Equal(sequence, copy.OldestChangeSequence);
        var options = new ChangeFeedOptions { StopsAtEnd = true, IncludeNotDurable = true };
        using (ChangeReader lost = copy.CreateChangeReader(0, options))
            Assert.Throws<ChangeHistoryLostException>(() => lost.TryRead(out _));
        using ChangeReader reader = copy.CreateChangeReader(sequence, options);
        Assert.False(reader.TryRead(out _));
        if (isReadOnly) return;
        copy.GetMap("m").Put("new"u8, "v"u8);
        using ChangeReader later = copy.CreateChangeReader(sequence, options);
        Assert.True(later.TryRead(out ChangeBatch? batch));
        Assert.Equal("new"u8.ToArray(), Assert.Single(batch.Changes).Key.ToArray());
    }

    [Fact]
    public void An_empty_database_has_a_checkpoint_too()
    {
        using Database database = Open();
        database.Checkpoint(Target);
        using Database copy = Open(Target);
        Assert.Empty(copy.ListMaps());
    }

    [Fact]
    public void A_directory_that_holds_anything_is_left_alone()
    {
        using Database database = Open();
        database.GetMap("m").Put("k"u8, "v"u8);
        _disk.CreateDirectory(Target);
        _disk.WriteAll(Target + "/letter.txt", "Dear Sir"u8);
        var refusal = Assert.Throws<IOException>(() => database.Checkpoint(Target));
        Assert.Contains("letter.txt", refusal.Message, StringComparison.Ordinal);
        Assert.Throws<IOException>(() => database.Checkpoint("/data"));
        database.Checkpoint("/copies/second");
        Assert.Throws<IOException>(() => database.Checkpoint("/copies/second"));
        Assert.Equal("v"u8.ToArray(), database.GetMap("m").Get("k"u8));
    }

    [Fact]
    public void Where_links_cannot_be_had_tables_are_copied_and_checked()
    {
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < 500; i++) map.Put(BitConverter.GetBytes(i), new byte[50]);
        _disk.Faults = call => call.Operation == DiskOperation.Link ? Fault.Error(Errors.CrossDevice) : null;
        database.Checkpoint(Target);
        using (Database copy = Open(Target)) Assert.Equal(500, Count(copy.GetMap("m")));

        database.WaitForUpkeep();
        foreach (string path in _disk.ListAllFiles())
        {
            if (path.StartsWith("data/", StringComparison.Ordinal) && path.EndsWith(".table", StringComparison.Ordinal))
                _disk.FlipBit(path, 8_000);
        }

        Assert.Throws<CorruptDataException>(() => database.Checkpoint("/copies/second"));
        Assert.DoesNotContain(_disk.ListAllFiles(), path => path.StartsWith("copies/second", StringComparison.Ordinal) && !IsLock(path));
    }

    [Fact]
    public void Cancelling_deletes_what_was_made()
    {
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < 2_000; i++) map.Put(BitConverter.GetBytes(i), new byte[50]);
        database.WaitForUpkeep();
        using var cancellation = new CancellationTokenSource();
        var progress = new Cancels(cancellation);
        Assert.Throws<OperationCanceledException>(() => database.Checkpoint(Target, progress, cancellation.Token));
        Assert.Equal(1, progress.Reports);
        Assert.DoesNotContain(_disk.ListAllFiles(), path => path.StartsWith("copies", StringComparison.Ordinal) && !IsLock(path));
        database.Checkpoint(Target);
    }

    [Fact]
    public void Every_failing_call_leaves_no_database_behind_or_a_whole_one_and_the_next_checkpoint_succeeds()
    {
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < 300; i++) map.Put(BitConverter.GetBytes(i), new byte[50]);
        database.Flush();
        database.WaitForUpkeep();
        int failures = 0;
        for (int call = 0; ; call++)
        {
            string target = $"/copies/{call}";
            int seen = 0;
            _disk.Faults = made => made.Path.Contains($"copies/{call}", StringComparison.Ordinal) && seen++ == call
                ? Fault.Error(Errors.NoSpace)
                : null;
            Exception? failure = Record.Exception(() => database.Checkpoint(target));
            _disk.Faults = null;
            if (failure is null && seen <= call) break;
            Assert.True(failure is null or StorageException, $"call {call}: {failure}");
            if (failure is not null)
            {
                failures++;
                Assert.False(_disk.FileExists(target + "/CURRENT"), $"call {call}");
                continue;
            }

            using Database copy = Open(target);
            Assert.Equal(300, Count(copy.GetMap("m")));
        }

        Assert.True(failures > 5);
        Assert.Equal(300, Count(map));
    }

    [Fact]
    public void A_power_cut_at_any_call_leaves_a_whole_checkpoint_or_no_database()
    {
        var pool = new RegionPool();
        CrashSweep.CutPowerAtEveryCall(
            () => FilledDisk(pool),
            () => new List<string>(),
            (disk, acknowledged) =>
            {
                using Database database = OptionSet.Tiny.Open(disk, pool, directory: "/data");
                database.Checkpoint(Target);
                acknowledged.Add(Target);
            },
            (disk, acknowledged, where) =>
            {
                bool isThere = disk.DirectoryExists(Target) && disk.FileExists(Target + "/CURRENT");
                Assert.True(isThere || acknowledged.Count == 0, where);
                if (!isThere) return;
                using Database copy = OptionSet.Tiny.Open(disk, pool, directory: Target);
                Assert.Equal(40, Count(copy.GetMap("m")));
                Assert.True(copy.Verify().IsSound, where);
            },
            seeds: 2);
    }

    [Fact]
    public void Under_load_it_shows_a_prefix_of_the_writes()
    {
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        SortedMap other = database.GetMap("other");
        bool isOver = false;
        var writer = new Thread(() =>
        {
            for (int i = 0; !Volatile.Read(ref isOver); i++)
            {
                using WriteBatch batch = database.CreateBatch();
                batch.Put(map, BitConverter.GetBytes(i), [1]);
                batch.Put(other, BitConverter.GetBytes(i), [2]);
                database.Write(batch, Durability.None);
            }
        });
        writer.Start();
        for (int round = 0; round < 8; round++)
        {
            database.Checkpoint($"/copies/{round}");
            if (round % 2 == 0) database.Compact();
        }

        Volatile.Write(ref isOver, true);
        writer.Join();
        for (int round = 0; round < 8; round++)
        {
            using Database copy = Open($"/copies/{round}");
            int count = Count(copy.GetMap("m"));
            Assert.Equal(count, Count(copy.GetMap("other")));
            for (int i = 0; i < count; i++) Assert.True(copy.GetMap("other").Contains(BitConverter.GetBytes(i)), $"round {round}, key {i}");
            Assert.True(copy.Verify().IsSound);
        }
    }

    private static SimulatedDisk FilledDisk(RegionPool pool)
    {
        var disk = new SimulatedDisk();
        using (Database database = OptionSet.Tiny.Open(disk, pool, directory: "/data"))
        {
            for (int i = 0; i < 40; i++) database.GetMap("m").Put([(byte)i], new byte[50]);
        }

        return disk;
    }

    private static bool IsLock(string path) => path.EndsWith("/LOCK", StringComparison.Ordinal);

    private static int Count(SortedMap map)
    {
        int count = 0;
        foreach (Entry _ in map.All()) count++;
        return count;
    }

    private Database Open(string directory = "data") => OptionSet.Tiny.Open(_disk, _pool, directory: directory);

    private sealed class Cancels(CancellationTokenSource source) : IProgress<CheckpointProgress>
    {
        public int Reports { get; private set; }

        public void Report(CheckpointProgress value)
        {
            Reports++;
            source.Cancel();
        }
    }
}
