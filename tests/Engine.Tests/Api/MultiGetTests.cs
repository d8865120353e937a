using System.Globalization;
using Varve.Native;

namespace Varve.Tests.Api;

public sealed class MultiGetTests
{
    private const int Count = 3_000;

    private readonly SimulatedDisk _disk = new();
    private readonly RegionPool _pool = new();

    [Fact]
    public void Every_place_an_entry_can_be_in_is_found_in_memory_and_on_disk()
    {
        foreach (OptionSet options in OptionSet.All)
        {
            var disk = new SimulatedDisk();
            using (Database database = options.Open(disk, _pool))
            {
                Fill(database);
                Check(database, $"{options}, written");
            }

            // Nothing is in memory, then everything that fits.
            using Database reopened = options.Open(disk, _pool);
            Check(reopened, $"{options}, reopened");
            Check(reopened, $"{options}, read before");
        }
    }

    [Fact]
    public void Keys_of_several_maps_and_the_same_key_twice_have_results_of_their_own()
    {
        using Database database = OptionSet.Tiny.Open(_disk, _pool);
        SortedMap a = database.GetMap("a");
        SortedMap b = database.GetMap("b");
        a.Put("k"u8, "of a"u8);
        b.Put("k"u8, "of b"u8);
        b.Put("empty"u8, default);
        using MultiGet gets = database.CreateMultiGet();
        Assert.Equal(0, gets.Add(a, "k"u8));
        Assert.Equal(1, gets.Add(b, "k"u8));
        Assert.Equal(2, gets.Add(a, "k"u8));
        Assert.Equal(3, gets.Add(a, "empty"u8));
        Assert.Equal(4, gets.Add(b, "empty"u8));
        gets.Run();
        Assert.Equal("of a"u8, ValueOf(gets, 0));
        Assert.Equal("of b"u8, ValueOf(gets, 1));
        Assert.Equal("of a"u8, ValueOf(gets, 2));
        Assert.False(gets.TryGetValue(3, out _));
        Assert.True(gets.TryGetValue(4, out ReadOnlySpan<byte> empty));
        Assert.Equal(0, empty.Length);

        a.Put("k"u8, "later"u8);
        gets.Run();
        Assert.Equal("later"u8, ValueOf(gets, 2));
        gets.Clear();
        Assert.Equal(0, gets.Count);
        gets.Run();
        Assert.Throws<ArgumentOutOfRangeException>(() => gets.TryGetValue(0, out _));
        Assert.Equal(["of b"u8.ToArray(), null], b.GetMany(["k"u8.ToArray(), "none"u8.ToArray()]));
    }

    [Fact]
    public void A_snapshot_shows_its_moment()
    {
        using Database database = OptionSet.Tiny.Open(_disk, _pool);
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < 200; i++) map.Put(Key(i), "old"u8);
        using Snapshot snapshot = database.CreateSnapshot();
        for (int i = 0; i < 200; i += 2) map.Put(Key(i), "new"u8);
        for (int i = 1; i < 200; i += 2) map.Delete(Key(i));
        database.Compact();
        byte[][] keys = [.. Enumerable.Range(0, 200).Select(Key)];
        Assert.All(map.GetMany(keys, snapshot), value => Assert.Equal("old"u8.ToArray(), value));
        byte[]?[] now = map.GetMany(keys);
        for (int i = 0; i < now.Length; i++) Assert.Equal(i % 2 == 0 ? "new"u8.ToArray() : null, now[i]);
    }

    [Fact]
    public void Misuse_is_told()
    {
        using Database database = OptionSet.Tiny.Open(_disk, _pool);
        using Database other = OptionSet.Tiny.Open(new SimulatedDisk(), _pool);
        SortedMap map = database.GetMap("m");
        MultiGet gets = database.CreateMultiGet();
        Assert.Throws<ArgumentException>(() => gets.Add(other.GetMap("m"), "k"u8));
        Assert.Throws<ArgumentException>(() => gets.Add(map, new byte[16 * 1024 + 1]));
        Assert.Throws<ArgumentNullException>(() => gets.Add(null!, "k"u8));
        gets.Add(map, "k"u8);
        Assert.Throws<InvalidOperationException>(() => gets.TryGetValue(0, out _));
        gets.Run();
        Assert.False(gets.TryGetValue(0, out _));
        gets.Add(map, "l"u8);
        Assert.Throws<InvalidOperationException>(() => gets.TryGetValue(0, out _));
        using Snapshot foreign = other.CreateSnapshot();
        Assert.Throws<ArgumentException>(() => gets.Run(foreign));
        gets.Dispose();
        Assert.Throws<ObjectDisposedException>(() => gets.Run());
        Assert.Throws<ObjectDisposedException>(() => gets.TryGetValue(0, out _));
        MultiGet left = database.CreateMultiGet();
        database.Close();
        Assert.Throws<ObjectDisposedException>(() => left.Run());
        Assert.Throws<ObjectDisposedException>(() => database.CreateMultiGet());
        left.Dispose();
    }

    [Fact]
    public void Values_past_a_quarter_of_the_budget_are_refused_and_fewer_are_not()
    {
        using var directory = new Files.TemporaryDirectory();
        using Database database = Database.Open(
            directory.Path, new DatabaseOptions { MemoryBudgetBytes = 8 << 20, Durability = Durability.None });
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < 10; i++) map.Put(Key(i), new byte[500_000]);
        for (int round = 0; round < 2; round++)
        {
            using MultiGet gets = database.CreateMultiGet();
            for (int i = 0; i < 10; i++) gets.Add(map, Key(i));
            MemoryBudgetException refusal = Assert.Throws<MemoryBudgetException>(() => gets.Run());
            Assert.Contains("a quarter of DatabaseOptions.MemoryBudgetBytes", refusal.Message);
            Assert.Throws<InvalidOperationException>(() => gets.TryGetValue(0, out _));
            gets.Clear();
            for (int i = 0; i < 4; i++) gets.Add(map, Key(i));
            gets.Run();
            for (int i = 0; i < 4; i++) Assert.Equal(500_000, ValueOf(gets, i).Length);
            database.Compact();
        }
    }

    [Fact]
    public void Damage_fails_who_needs_it_and_leaves_no_pin_behind()
    {
        OptionSet options = OptionSet.All[^1] with { Compress = false };
        using (Database database = options.Open(_disk, _pool))
        {
            Fill(database);
            database.Compact();
        }

        Damage(Key(Count / 2));
        using Database reopened = options.Open(_disk, _pool);
        SortedMap map = reopened.GetMap("m");
        byte[][] keys = [.. Enumerable.Range(0, Count).Where(i => i % 10 != 3).Select(Key)];
        for (int round = 0; round < 3; round++) Assert.Throws<CorruptDataException>(() => map.GetMany(keys));
        byte[]?[] sound = map.GetMany(keys[..(Count / 4)]);
        for (int i = 0; i < sound.Length; i++) Assert.Equal(map.Get(keys[i]), sound[i]);
        Assert.ThrowsAny<CorruptDataException>(() => Wait(map.GetAsync(Key(Count / 2))));
        Assert.Throws<CorruptDataException>(() => map.Lease(Key(Count / 2)).Dispose());
        reopened.Close();
        Assert.Equal(0, _disk.OpenFileCount);
    }

    [Fact]
    public void A_read_that_fails_once_fails_the_run_and_the_next_run_succeeds()
    {
        using (Database database = OptionSet.Tiny.Open(_disk, _pool)) Fill(database);
        byte[][] keys = [.. Enumerable.Range(0, Count).Select(Key)];
        for (int nth = 1; nth < 40; nth += 3)
        {
            using Database database = OptionSet.Tiny.Open(_disk, _pool, isReadOnly: true);
            SortedMap map = database.GetMap("m");
            _disk.Faults = FaultPlan.Matching(
                call => call.Operation == DiskOperation.Read && call.Path.EndsWith(".table", StringComparison.Ordinal),
                Fault.Error(Errors.InputOutput), nth);
            Assert.Throws<StorageException>(() => map.GetMany(keys));
            _disk.Faults = null;
            byte[]?[] values = map.GetMany(keys);
            for (int i = 0; i < values.Length; i++) Assert.Equal(ExpectedValue(i), values[i]);
            database.Close();
            Assert.Equal(0, _disk.OpenFileCount);
        }
    }

    private static void Fill(Database database)
    {
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < Count; i++) Put(map, i, "old ");
        database.Compact();
        for (int i = 0; i < Count; i += 2) Put(map, i, "newer ");
        for (int i = 3; i < Count; i += 10) map.Delete(Key(i));
        database.Flush();
        for (int i = 0; i < Count; i += 6) Put(map, i, "newest ");
    }

    private static void Put(SortedMap map, int number, string age) => map.Put(Key(number), Value(number, age));

    private static byte[]? ExpectedValue(int number) => number % 6 == 0 ? Value(number, "newest ")
        : number % 2 == 0 ? Value(number, "newer ")
        : number % 10 == 3 ? null : Value(number, "old ");

    /// <summary>Some are so large that they stand in blocks of their own.</summary>
    private static byte[] Value(int number, string age)
    {
        byte[] text = System.Text.Encoding.UTF8.GetBytes(age + number.ToString(CultureInfo.InvariantCulture));
        return number % 500 < 2 ? [.. text, .. new byte[20_000]] : text;
    }

    private static void Check(Database database, string where)
    {
        SortedMap map = database.GetMap("m");
        var random = new Random(1);
        using MultiGet gets = database.CreateMultiGet();
        foreach (int size in new[] { 1, 2, 8, 16, 17, 40, 500 })
        {
            int[] numbers = [.. Enumerable.Range(0, size).Select(_ => random.Next(Count + 100))];
            gets.Clear();
            foreach (int number in numbers) gets.Add(map, Key(number));
            gets.Run();
            for (int i = 0; i < size; i++)
            {
                byte[]? expected = numbers[i] < Count ? ExpectedValue(numbers[i]) : null;
                bool isPresent = gets.TryGetValue(i, out ReadOnlySpan<byte> value);
                Assert.True(isPresent == expected is not null, $"{where}: key {numbers[i]}, {i} of {size}: present is {isPresent}");
                Assert.True(value.SequenceEqual(expected), $"{where}: key {numbers[i]}, {i} of {size}: another value");
                Assert.Equal(expected, Wait(map.GetAsync(Key(numbers[i]))));
                using ValueLease lease = map.Lease(Key(numbers[i]));
                Assert.Equal(expected is not null, lease.IsFound);
                Assert.True(lease.Value.SequenceEqual(expected), $"{where}: lease of key {numbers[i]}");
            }
        }
    }

    private static byte[]? Wait(ValueTask<byte[]?> task) => task.AsTask().GetAwaiter().GetResult();

    private static ReadOnlySpan<byte> ValueOf(MultiGet gets, int index)
    {
        Assert.True(gets.TryGetValue(index, out ReadOnlySpan<byte> value));
        return value;
    }

    private static byte[] Key(int number) =>
        System.Text.Encoding.UTF8.GetBytes("key " + number.ToString("D6", CultureInfo.InvariantCulture));

    private void Damage(ReadOnlySpan<byte> bytes)
    {
        foreach (string path in _disk.ListAllFiles().Where(path => path.EndsWith(".table", StringComparison.Ordinal)))
        {
            int offset = _disk.ReadAll(path).AsSpan().IndexOf(bytes);
            if (offset < 0) continue;
            _disk.FlipBit(path, 8L * offset);
            return;
        }

        throw new InvalidOperationException("No table has these bytes.");
    }
}
