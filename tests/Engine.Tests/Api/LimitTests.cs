using System.Globalization;
using Varve.Native;

namespace Varve.Tests.Api;

/// <summary>What is refused before anything happens, and in which words.</summary>
public sealed class LimitTests : IDisposable
{
    private const int ValueBytesMax = 1 << 20;

    private readonly Database _database = OptionSet.Tiny.Open(new SimulatedDisk(), new RegionPool());
    private readonly SortedMap _map;

    public LimitTests() => _map = _database.GetMap("map");

    public void Dispose() => _database.Dispose();

    [Fact]
    public void A_key_of_16_KiB_fits_and_a_longer_one_is_refused_everywhere()
    {
        byte[] longest = new byte[Limits.KeyBytesMax];
        byte[] tooLong = new byte[Limits.KeyBytesMax + 1];
        _map.Put(longest, "v"u8);
        Assert.Equal("v"u8.ToArray(), _map.Get(longest));
        using Cursor cursor = _map.CreateCursor();
        Assert.True(cursor.Seek(longest));
        Action[] refused =
        [
            () => _map.Put(tooLong, default),
            () => _map.Delete(tooLong),
            () => _map.Get(tooLong),
            () => _map.Contains(tooLong),
            () => _map.TryGet(tooLong, default, out _),
            () => _map.Range(tooLong, default),
            () => _map.ReverseRange(default, tooLong),
            () => _map.Prefix(tooLong),
            () => cursor.Seek(tooLong),
            () => cursor.SeekForPrevious(tooLong),
        ];
        foreach (Action action in refused)
        {
            string message = Assert.Throws<ArgumentException>(action).Message;
            Assert.Contains($"{tooLong.Length:N0} bytes; a key may have {longest.Length:N0}", message);
        }
    }

    [Fact]
    public void A_value_of_an_eighth_of_the_budget_fits_and_a_longer_one_is_refused()
    {
        byte[] longest = new byte[ValueBytesMax];
        new Random(1).NextBytes(longest);
        _map.Put("k"u8, longest);
        Assert.Equal(longest, _map.Get("k"u8));
        _database.Compact();
        Assert.Equal(longest, _map.Get("k"u8));

        ArgumentException refusal = Assert.Throws<ArgumentException>(() => _map.Put("k"u8, new byte[ValueBytesMax + 1]));
        Assert.Contains($"{ValueBytesMax:N0}", refusal.Message);
        Assert.Contains("DatabaseOptions.MemoryBudgetBytes", refusal.Message);
        Assert.Equal(longest, _map.Get("k"u8));
    }

    [Fact]
    public void A_batch_of_the_smallest_operations_is_bounded_by_its_memory_and_replayed_after_a_kill()
    {
        var disk = new SimulatedDisk();
        Database database = OptionSet.Tiny.Open(disk, new RegionPool());
        SortedMap map = database.GetMap("m");
        using WriteBatch batch = database.CreateBatch();
        ArgumentException? refusal = null;
        while (refusal is null)
        {
            byte[] key = BitConverter.GetBytes(batch.Count);
            refusal = (ArgumentException?)Record.Exception(() => batch.Put(map, key, default));
        }

        Assert.Contains("31 bytes", refusal.Message);
        Assert.InRange(batch.SizeBytes, (2 << 20) - 100, 2 << 20);
        database.Write(batch);
        int count = batch.Count;
        using Database reopened = OptionSet.Tiny.Open(disk.Crash(CrashMode.KeepAll), new RegionPool());
        SortedMap recovered = reopened.GetMap("m");
        int found = 0;
        foreach (Entry _ in recovered.All()) found++;
        Assert.Equal(count, found);
    }

    [Fact]
    public void A_batch_ends_at_a_quarter_of_the_budget_and_stays_as_it_was()
    {
        using WriteBatch batch = _database.CreateBatch();
        batch.Put(_map, "a"u8, new byte[ValueBytesMax]);
        ArgumentException refusal = Assert.Throws<ArgumentException>(() => batch.Put(_map, "b"u8, new byte[ValueBytesMax]));
        Assert.Contains("a quarter of DatabaseOptions.MemoryBudgetBytes", refusal.Message);
        Assert.Equal(1, batch.Count);
        _database.Write(batch);
        Assert.True(_map.Contains("a"u8));
        Assert.False(_map.Contains("b"u8));
    }

    [Fact]
    public void A_destination_that_is_too_short_gets_nothing_but_the_length()
    {
        _map.Put("k"u8, "value"u8);
        byte[] destination = [1, 1, 1, 1];
        Assert.True(_map.TryGet("k"u8, destination, out int length));
        Assert.Equal(5, length);
        Assert.Equal([1, 1, 1, 1], destination);
        Assert.False(_map.TryGet("absent"u8, destination, out length));
        Assert.Equal(0, length);
    }

    [Fact]
    public void What_belongs_to_another_database_is_refused()
    {
        using Database other = OptionSet.Tiny.Open(new SimulatedDisk(), new RegionPool());
        using WriteBatch batch = other.CreateBatch();
        using Snapshot snapshot = other.CreateSnapshot();
        Assert.Contains(
            "'map' belongs to another database",
            Assert.Throws<ArgumentException>(() => batch.Put(_map, default, default)).Message);
        Assert.Throws<ArgumentException>(() => batch.Delete(_map, default));
        Assert.Contains("another database", Assert.Throws<ArgumentException>(() => _database.Write(batch)).Message);
        Assert.Contains("another database", Assert.Throws<ArgumentException>(() => _map.Get(default, snapshot)).Message);
        Assert.Throws<ArgumentException>(() => _map.CreateCursor(snapshot));
        Assert.Equal(0, batch.Count);
    }

    [Fact]
    public void Misuse_of_arguments_is_refused()
    {
        using WriteBatch batch = _database.CreateBatch();
        Assert.Throws<ArgumentNullException>(() => batch.Put(null!, default, default));
        Assert.Throws<ArgumentNullException>(() => _database.Write(null!));
        Assert.Throws<ArgumentOutOfRangeException>(() => _map.Put("k"u8, default, (Durability)9));
        Assert.Throws<ArgumentOutOfRangeException>(() => _map.All(limit: -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => _database.WaitForDurable(_database.LatestSequence + 1));
        using Cursor cursor = _map.CreateCursor();
        Assert.Throws<InvalidOperationException>(() => cursor.Next());
        Assert.Throws<InvalidOperationException>(() => cursor.Previous());
        Assert.Throws<InvalidOperationException>(() => cursor.Key.Length);
        Assert.Throws<InvalidOperationException>(() => cursor.Value.Length);
    }

    [Fact]
    public void What_is_disposed_says_so()
    {
        _map.Put("k"u8, "v"u8);
        WriteBatch batch = _database.CreateBatch();
        Snapshot snapshot = _database.CreateSnapshot();
        Cursor cursor = _map.CreateCursor(snapshot);
        Cursor outlives = _map.CreateCursor(snapshot);
        batch.Dispose();
        batch.Dispose();
        snapshot.Dispose();
        snapshot.Dispose();
        cursor.Dispose();
        cursor.Dispose();
        Assert.Throws<ObjectDisposedException>(() => batch.Put(_map, default, default));
        Assert.Throws<ObjectDisposedException>(() => _database.Write(batch));
        Assert.Throws<ObjectDisposedException>(() => _map.Get("k"u8, snapshot));
        Assert.Throws<ObjectDisposedException>(() => cursor.SeekToFirst());
        Assert.False(cursor.IsValid);
        Assert.True(outlives.SeekToFirst());
        outlives.Dispose();
    }

    [Fact]
    public void A_map_name_that_is_empty_or_no_text_is_refused()
    {
        Assert.Throws<ArgumentException>(() => _database.GetMap(""));
        foreach (string half in (string[])["\ud83d", "a\udc00b", "\udc00\ud83d"])
        {
            Assert.Contains("half a surrogate pair", Assert.Throws<ArgumentException>(() => _database.GetMap(half)).Message);
        }
    }

    [Fact]
    public void A_map_name_has_255_bytes_of_UTF8_at_most()
    {
        string longest = new string('ü', 127) + "x";
        _database.GetMap(longest).Put("k"u8, "v"u8);
        Assert.Equal([longest], _database.ListMaps());
        Assert.Contains("256 bytes", Assert.Throws<ArgumentException>(() => _database.GetMap(new string('ü', 128))).Message);
        Assert.Throws<ArgumentNullException>(() => _database.GetMap(null!));
    }

    [Fact]
    public void Map_names_may_be_any_text_and_are_told_apart_by_every_character()
    {
        string[] names = ["a", "A", "ä", "a\u0308", "\0", "a\0", " ", "\n", "/", "../x", "🙂", "\uffff", "a b"];
        foreach (string name in names) _database.GetMap(name).Put("name"u8, System.Text.Encoding.UTF8.GetBytes(name));
        Assert.Equal(names.Order(StringComparer.Ordinal), _database.ListMaps());
        foreach (string name in names) Assert.Equal(System.Text.Encoding.UTF8.GetBytes(name), _database.GetMap(name).Get("name"u8));
    }

    [Fact]
    public void A_map_exists_from_its_first_write()
    {
        SortedMap asked = _database.GetMap("asked");
        Assert.Same(asked, _database.GetMap("asked"));
        Assert.Empty(_database.ListMaps());
        Assert.Empty(asked.Get("k"u8) ?? []);
        asked.Delete("k"u8);
        Assert.Equal(["asked"], _database.ListMaps());
    }

    [Fact]
    public void Ten_thousand_maps_are_kept_apart_and_listed_after_reopening()
    {
        var disk = new SimulatedDisk();
        var pool = new RegionPool();
        const int Count = 10_000;
        static string NameOf(int number) => "map " + number.ToString("D5", CultureInfo.InvariantCulture);
        using (Database database = OptionSet.All[^1].Open(disk, pool))
        {
            using WriteBatch batch = database.CreateBatch();
            for (int i = 0; i < Count; i++)
            {
                batch.Put(database.GetMap(NameOf(i)), "k"u8, BitConverter.GetBytes(i));
                if (i % 100 != 99) continue;
                database.Write(batch);
                batch.Clear();
            }

            database.Close();
        }

        using (Database database = OptionSet.All[^1].Open(disk, pool))
        {
            Assert.Equal(Enumerable.Range(0, Count).Select(NameOf), database.ListMaps());
            for (int i = 0; i < Count; i += 7)
            {
                SortedMap map = database.GetMap(NameOf(i));
                Assert.Equal(BitConverter.GetBytes(i), map.Get("k"u8));
                int entries = 0;
                foreach (Entry _ in map.All(Direction.Descending)) entries++;
                Assert.Equal(1, entries);
            }
        }
    }
}
