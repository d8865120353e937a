using System.Buffers;
using System.Text.Json.Serialization;
using Varve.Tests.Files;

namespace Varve.Tests.Typed;

public sealed partial class TypedMapTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Database _database;

    public TypedMapTests() => _database = Database.Open(_directory.Path, new DatabaseOptions { Durability = Durability.None });

    public void Dispose()
    {
        _database.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void What_is_put_is_got_and_what_is_deleted_is_gone()
    {
        SortedMap<int, string> map = _database.GetMap<int, string>("map");
        map.Put(-5, "minus five");
        Assert.True(map.TryGet(-5, out string? value));
        Assert.Equal("minus five", value);
        Assert.True(map.Contains(-5));
        map.Delete(-5);
        Assert.False(map.TryGet(-5, out value));
        Assert.Null(value);
        Assert.False(map.Contains(-5));
        Assert.Equal("none", map.GetValueOrDefault(-5, "none"));
        Assert.Equal(0, _database.GetMap<int, int>("other").GetValueOrDefault(1));
    }

    [Fact]
    public void A_snapshot_shows_its_moment()
    {
        SortedMap<Guid, long> map = _database.GetMap<Guid, long>("map");
        Guid id = Guid.NewGuid();
        map.Put(id, 1);
        using Snapshot snapshot = _database.CreateSnapshot();
        map.Put(id, 2);
        Assert.Equal(1, map.GetValueOrDefault(id, 0, snapshot));
        Assert.Equal(2, map.GetValueOrDefault(id));
        Assert.True(map.Contains(id, snapshot));
        Assert.Equal([1L], map.All(snapshot: snapshot).Select(entry => entry.Value));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1023)]
    [InlineData(1024)]
    [InlineData(1025)]
    [InlineData(70_000)]
    [InlineData(1_000_000)]
    public void Values_of_every_length_are_read_back(int length)
    {
        SortedMap<string, byte[]> map = _database.GetMap<string, byte[]>("map");
        byte[] value = new byte[length];
        new Random(length).NextBytes(value);
        for (int round = 0; round < 2; round++)
        {
            map.Put("key", value);
            Assert.Equal(value, map.GetValueOrDefault("key"));
            _database.Flush();
        }
    }

    [Fact]
    public void Ranges_take_and_leave_their_bounds_both_ways()
    {
        SortedMap<int, int> map = Numbers(-3, -2, 0, 2, 5);
        Assert.Equal([-3, -2, 0, 2, 5], Keys(map.All()));
        Assert.Equal([5, 2, 0, -2, -3], Keys(map.All(Direction.Descending)));
        Assert.Equal([-2, 0], Keys(map.Range(-2, 2)));
        Assert.Equal([0, -2], Keys(map.Range(-2, 2, Direction.Descending)));
        Assert.Equal([2, 0], Keys(map.ReverseRange(2, -2)));
        Assert.Equal([2, 5], Keys(map.From(1)));
        Assert.Equal([5, 2], Keys(map.From(2, Direction.Descending)));
        Assert.Equal([-3, -2], Keys(map.Before(0)));
        Assert.Equal([-2, -3], Keys(map.Before(0, Direction.Descending)));
        Assert.Equal([-3, -2], Keys(map.All(limit: 2)));
        Assert.Empty(Keys(map.Range(2, 2)));
        Assert.Empty(Keys(map.Range(5, -3)));
        Assert.Empty(Keys(map.ReverseRange(-3, 5)));
        Assert.Throws<ArgumentOutOfRangeException>(() => map.All(limit: -1));
    }

    [Fact]
    public void An_empty_key_is_a_bound_as_any_other()
    {
        SortedMap<string, int> map = _database.GetMap<string, int>("map");
        foreach (string key in (string[])["", "\0", "a", "b"]) map.Put(key, 0);
        Assert.Empty(map.Range("", ""));
        Assert.Empty(map.Range("a", ""));
        Assert.Empty(map.Before(""));
        Assert.Empty(map.ReverseRange("", ""));
        Assert.Empty(map.ReverseRange("", "a"));
        Assert.Equal(["", "\0"], map.Range("", "a").Select(entry => entry.Key));
        Assert.Equal(["a", "\0"], map.ReverseRange("a", "").Select(entry => entry.Key));
        Assert.Equal(4, map.From("").Count());
    }

    [Fact]
    public void The_longest_key_is_a_bound_and_a_longer_one_is_refused()
    {
        SortedMap<string, int> map = _database.GetMap<string, int>("map");
        string longest = new('k', 16 << 10);
        map.Put(longest, 7);
        Assert.Equal(7, map.ReverseRange(longest, "a").Single().Value);
        Assert.Equal(7, map.From(longest).Single().Value);
        Assert.Throws<ArgumentException>(() => map.From(longest + "k"));
        Assert.Throws<ArgumentException>(() => map.Prefix(longest + "k"));
        Assert.Throws<ArgumentException>(() => map.ReverseRange(longest + "k", "a"));
        Assert.Throws<ArgumentException>(() => map.Put(longest + "k", 1));
    }

    [Fact]
    public void A_prefix_is_the_begin_of_a_text_or_the_first_elements_of_a_tuple()
    {
        SortedMap<string, int> texts = _database.GetMap<string, int>("texts");
        foreach (string key in (string[])["fr", "fr/lyon", "fr/paris", "fs"]) texts.Put(key, 0);
        Assert.Equal(["fr/lyon", "fr/paris"], texts.Prefix("fr/").Select(entry => entry.Key));

        SortedMap<(string, int, string), int> tuples =
            _database.GetMap("tuples", KeyCodec.Tuple<string, int, string>(), ValueCodec.For<int>());
        tuples.Put(("a", 1, "x"), 1);
        tuples.Put(("a", 1, "xy"), 2);
        tuples.Put(("a", 2, "x"), 3);
        tuples.Put(("a\0", 1, "x"), 4);
        tuples.Put(("ab", 1, "x"), 5);
        Assert.Equal([1, 2, 3], Values(tuples.Prefix("a")));
        Assert.Equal([3, 2, 1], Values(tuples.Prefix("a", Direction.Descending)));
        Assert.Equal([1, 2], Values(tuples.Prefix(("a", 1))));
        Assert.Equal([5], Values(tuples.Prefix(("ab", 1))));
        Assert.Equal([3], Values(tuples.Range(("a", 1, "y"), ("a", 2, "y"))));
        Assert.Throws<ArgumentException>(() => tuples.Prefix(1));
        Assert.Throws<ArgumentException>(() => tuples.Prefix(("a", 1, "x")));
        Assert.Throws<ArgumentException>(() => Numbers(1).Prefix(1));
    }

    [Fact]
    public void A_range_is_for_foreach_and_for_linq()
    {
        SortedMap<int, int> map = Numbers(1, 2, 3);
        int sum = 0;
        foreach ((int key, int value) in map.All()) sum += key * value;
        Assert.Equal(140, sum);
        Assert.Equal(new KeyValuePair<int, int>(2, 20), map.All().Single(entry => entry.Value == 20));
        foreach (Entry<int, int> entry in map.All(Direction.Descending, limit: 1))
        {
            Assert.Equal([0x80, 0, 0, 3], entry.KeyBytes.ToArray());
            Assert.Equal([30, 0, 0, 0], entry.ValueBytes.ToArray());
        }
    }

    [Fact]
    public void A_cursor_moves_both_ways()
    {
        SortedMap<int, int> map = Numbers(1, 3, 5);
        using Cursor<int, int> cursor = map.CreateCursor();
        Assert.True(cursor.Seek(2));
        Assert.Equal((3, 30), (cursor.Key, cursor.Value));
        Assert.True(cursor.SeekForPrevious(2));
        Assert.Equal(1, cursor.Key);
        Assert.False(cursor.Previous());
        Assert.False(cursor.IsValid);
        Assert.True(cursor.SeekToLast());
        Assert.True(cursor.Previous());
        Assert.Equal(3, cursor.Key);
        Assert.True(cursor.SeekToFirst());
        Assert.True(cursor.Next());
        Assert.Equal(3, cursor.Key);
        Assert.False(cursor.Seek(6));
    }

    [Fact]
    public void A_batch_takes_typed_maps_and_others()
    {
        SortedMap<int, int> numbers = _database.GetMap<int, int>("numbers");
        SortedMap<string, string> names = _database.GetMap<string, string>("names");
        numbers.Put(1, 1);
        using WriteBatch batch = _database.CreateBatch();
        batch.Put(numbers, 2, 20);
        batch.Delete(numbers, 1);
        batch.Put(names, "two", "zwei");
        batch.Put(names.Bytes, "raw"u8, "roh"u8);
        Assert.Equal(4, batch.Count);
        Assert.Throws<ArgumentException>(() => batch.Put(names, "\uD800", "x"));
        Assert.Equal(4, batch.Count);
        _database.Write(batch);
        Assert.Equal([2], Keys(numbers.All()));
        Assert.Equal("roh", names.GetValueOrDefault("raw"));
        Assert.Equal("zwei", names.GetValueOrDefault("two"));
    }

    [Fact]
    public void What_the_codec_cannot_read_is_corrupt_and_the_enumeration_goes_on()
    {
        SortedMap bytes = _database.GetMap("map");
        bytes.Put([0x80, 0, 0, 1], [7, 0, 0, 0]);
        bytes.Put([0x80, 0, 0, 2], [7]);
        bytes.Put([0x80, 0, 0, 3, 0], [7, 0, 0, 0]);
        bytes.Put([0x80, 0, 0, 4], [8, 0, 0, 0]);
        SortedMap<int, int> map = _database.GetMap<int, int>("map");
        CorruptDataException value = Assert.Throws<CorruptDataException>(() => map.TryGet(2, out _));
        Assert.Equal(_database.Directory, value.Path);
        Assert.Contains("map 'map': the value of the key 0x80000002", value.Detail);
        List<int> read = [];
        int failures = 0;
        foreach (Entry<int, int> entry in map.All())
        {
            try
            {
                read.Add(entry.Key + entry.Value);
            }
            catch (CorruptDataException)
            {
                failures++;
            }
        }

        Assert.Equal([8, 12], read);
        Assert.Equal(2, failures);
        Assert.Throws<CorruptDataException>(() => map.All().Count());
    }

    [Fact]
    public void Json_values_say_where_they_are_wrong()
    {
        SortedMap<string, Point> map = _database.GetMap<string, Point>("points", PointContext.Default.Point);
        map.Put("a", new Point(1, 2));
        Assert.Equal("{\"X\":1,\"Y\":2}", map.Bytes.GetText("a"));
        Assert.Equal(new Point(1, 2), map.GetValueOrDefault("a"));
        map.Bytes.Put("b", "{\"X\":1,\"Y\":\"two\"}");
        Assert.Contains("$.Y", Assert.Throws<CorruptDataException>(() => map.TryGet("b", out _)).Detail);
    }

    [Fact]
    public void A_codec_may_use_a_typed_map_itself()
    {
        SortedMap<int, int> inner = Numbers(1, 2, 3);
        SortedMap<int, int> outer = _database.GetMap("outer", values: new LookingUp(inner), keys: KeyCodec.For<int>());
        for (int i = 1; i <= 3; i++) outer.Put(i, i);
        Assert.Equal([10, 20, 30], Values(outer.All()));
    }

    [Fact]
    public void Strongly_typed_ids_are_keys_by_conversion()
    {
        KeyCodec<OrderId> codec = KeyCodec.For<long>().Convert<OrderId>(id => id.Number, number => new OrderId(number));
        SortedMap<(OrderId, int), string> lines = _database.GetMap("lines", KeyCodec.Tuple<OrderId, int>(codec), ValueCodec.Text);
        lines.Put((new OrderId(2), 1), "b");
        lines.Put((new OrderId(-1), 1), "a");
        Assert.Equal(["a", "b"], lines.All().Select(entry => entry.Value));
        Assert.Equal("b", lines.Prefix(new OrderId(2)).Single().Value);
    }

    [Fact]
    public void Threads_share_a_map()
    {
        SortedMap<int, Point> map = _database.GetMap<int, Point>("map", PointContext.Default.Point);
        Parallel.For(0, 2_000, i => map.Put(i, new Point(i, -i)));
        Parallel.For(0, 2_000, i => Assert.Equal(new Point(i, -i), map.GetValueOrDefault(i)));
    }

    private SortedMap<int, int> Numbers(params ReadOnlySpan<int> keys)
    {
        SortedMap<int, int> map = _database.GetMap<int, int>("numbers");
        foreach (int key in keys) map.Put(key, 10 * key);
        return map;
    }

    private static int[] Keys(EntryRange<int, int> range) => [.. range.Select(entry => entry.Key)];

    private static int[] Values<TKey>(EntryRange<TKey, int> range) => [.. range.Select(entry => entry.Value)];

    internal sealed record Point(int X, int Y);

    private readonly record struct OrderId(long Number);

    private sealed class LookingUp(SortedMap<int, int> map) : ValueCodec<int>
    {
        public override void Write(int value, IBufferWriter<byte> destination) =>
            destination.Write([(byte)(map.GetValueOrDefault(value) / 10)]);

        public override bool TryRead(ReadOnlySpan<byte> bytes, out int value) => map.TryGet(bytes[0], out value);
    }

    [JsonSerializable(typeof(Point))]
    private sealed partial class PointContext : JsonSerializerContext;
}
