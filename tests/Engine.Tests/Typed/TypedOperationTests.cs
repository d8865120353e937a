using Varve.Tests.Files;

namespace Varve.Tests.Typed;

/// <summary>Time to live, versions, conditions, range deletes, multi-gets and ingests by types: as on bytes.</summary>
public sealed class TypedOperationTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly ManualClock _clock = new();
    private readonly Database _database;
    private readonly SortedMap<int, string> _map;

    public TypedOperationTests()
    {
        _database = Database.Open(_directory.Path, new DatabaseOptions { Durability = Durability.None, TimeProvider = _clock });
        _map = _database.GetMap<int, string>("map");
    }

    public void Dispose()
    {
        _database.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Entries_expire_and_say_when()
    {
        DateTimeOffset inAMinute = _clock.GetUtcNow() + TimeSpan.FromMinutes(1);
        _map.Put(1, "stays");
        _map.Put(2, "a minute", TimeSpan.FromMinutes(1));
        _map.PutUntil(3, "a minute, too", inAMinute);
        using WriteBatch batch = _database.CreateBatch();
        batch.Put(_map, 4, "two", TimeSpan.FromMinutes(2));
        batch.PutUntil(_map, 5, "one", inAMinute);
        _database.Write(batch);
        Assert.True(_map.TryGetExpiry(1, out DateTimeOffset? expiry));
        Assert.Null(expiry);
        Assert.True(_map.TryGetExpiry(4, out expiry));
        Assert.Equal(inAMinute + TimeSpan.FromMinutes(1), expiry);
        List<DateTimeOffset?> shown = [];
        foreach (Entry<int, string> entry in _map.All()) shown.Add(entry.Expiry);
        Assert.Equal([null, inAMinute, inAMinute, inAMinute + TimeSpan.FromMinutes(1), inAMinute], shown);
        using (Cursor<int, string> cursor = _map.CreateCursor())
        {
            Assert.True(cursor.Seek(2));
            Assert.Equal(inAMinute, cursor.Expiry);
        }

        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal([1, 4], Keys());
        Assert.False(_map.TryGetExpiry(2, out _));
    }

    [Fact]
    public void A_write_happens_only_when_its_condition_holds()
    {
        Assert.True(_map.TryPutIfAbsent(1, "first", out EntryVersion first));
        Assert.False(_map.TryPutIfAbsent(1, "other", out EntryVersion met));
        Assert.Equal(first, met);
        Assert.True(_map.TryGet(1, out string? value, out EntryVersion read));
        Assert.Equal(("first", first), (value, read));

        Assert.True(_map.TryPutIfVersion(1, "second", first, out EntryVersion second));
        Assert.False(_map.TryPutIfVersion(1, "third", first, out met));
        Assert.Equal(second, met);
        Assert.False(_map.TryPutIfValue(1, "third", "first", out _));
        Assert.True(_map.TryPutIfValue(1, "third", "second", out EntryVersion third));
        Assert.False(_map.TryDeleteIfVersion(1, second));
        Assert.False(_map.TryDeleteIfValue(1, "second"));
        Assert.Equal("third", _map.GetValueOrDefault(1));
        Assert.True(_map.TryDeleteIfVersion(1, third));
        Assert.True(_map.TryPutIfAbsent(1, "again", out _, TimeSpan.FromMinutes(1)));
        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.False(_map.TryGet(1, out _, out read));
        Assert.Equal(EntryVersion.None, read);
        Assert.True(_map.TryPutIfVersion(1, "after", EntryVersion.None, out _, TimeSpan.FromMinutes(1)));
        Assert.True(_map.TryDeleteIfValue(1, "after"));
        Assert.False(_map.Contains(1));
    }

    [Fact]
    public void A_longer_value_is_read_with_its_version()
    {
        string longer = new('x', 100_000);
        Assert.True(_map.TryPutIfAbsent(1, longer, out EntryVersion version));
        Assert.True(_map.TryGet(1, out string? value, out EntryVersion read));
        Assert.Equal((longer, version), (value, read));
        foreach (Entry<int, string> entry in _map.All()) Assert.Equal(version, entry.Version);
        using Cursor<int, string> cursor = _map.CreateCursor();
        Assert.True(cursor.SeekToFirst());
        Assert.Equal(version, cursor.Version);
    }

    [Fact]
    public void A_batch_asks_conditions_of_each_kind()
    {
        _map.Put(1, "one");
        _map.TryGet(1, out _, out EntryVersion version);
        Action<WriteBatch>[] hold =
        [
            batch => batch.RequireAbsent(_map, 2), batch => batch.RequirePresent(_map, 1),
            batch => batch.RequireVersion(_map, 1, version), batch => batch.RequireValue(_map, 1, "one"),
        ];
        Action<WriteBatch>[] fail =
        [
            batch => batch.RequireAbsent(_map, 1), batch => batch.RequirePresent(_map, 2),
            batch => batch.RequireVersion(_map, 1, EntryVersion.None), batch => batch.RequireValue(_map, 1, "two"),
        ];
        using WriteBatch batch = _database.CreateBatch();
        for (int i = 0; i < hold.Length; i++)
        {
            batch.Clear();
            hold[i](batch);
            batch.Put(_map, 10 + i, "put");
            Assert.True(_database.TryWrite(batch).IsCommitted, $"condition {i}");
            Assert.True(_map.Contains(10 + i), $"condition {i}");
            batch.Clear();
            fail[i](batch);
            batch.Put(_map, 20 + i, "put");
            Assert.False(_database.TryWrite(batch).IsCommitted, $"condition {i}");
            Assert.False(_map.Contains(20 + i), $"condition {i}");
        }
    }

    [Fact]
    public void Range_deletes_take_the_start_and_leave_the_end()
    {
        for (int i = -3; i < 6; i++) _map.Put(i, $"{i}");
        _map.DeleteRange(-2, 1);
        Assert.Equal([-3, 1, 2, 3, 4, 5], Keys());
        using WriteBatch batch = _database.CreateBatch();
        batch.DeleteRange(_map, 2, 4);
        batch.Put(_map, 3, "later");
        _database.Write(batch);
        Assert.Equal([-3, 1, 3, 4, 5], Keys());
        Assert.Throws<ArgumentException>(() => _map.DeleteRange(5, 4));
    }

    [Fact]
    public void The_empty_key_is_a_bound_of_a_range_delete_and_not_the_end()
    {
        SortedMap<string, string> map = _database.GetMap<string, string>("texts");
        map.Put("", "empty");
        map.Put("a", "a");
        ulong latest = _database.LatestSequence;
        Assert.Equal(latest, map.DeleteRange("", ""));
        Assert.Throws<ArgumentException>(() => map.DeleteRange("a", ""));
        using WriteBatch batch = _database.CreateBatch();
        batch.DeleteRange(map, "", "");
        Assert.Throws<ArgumentException>(() => batch.DeleteRange(map, "a", ""));
        Assert.Equal(0, batch.Count);
        Assert.Equal(2, map.All().Count());
        map.DeleteRange("", "a");
        Assert.Equal(["a"], map.All().Select(entry => entry.Key));
    }

    [Fact]
    public void A_prefix_is_deleted_as_it_is_shown()
    {
        SortedMap<(string Name, int Number), bool> map =
            _database.GetMap("tuples", KeyCodec.Tuple<string, int>(), ValueCodec.For<bool>());
        foreach (string name in (string[])["ada", "adam", "ben", "cleo"]) map.Put((name, 1), true);
        map.DeletePrefix("ada");
        using WriteBatch batch = _database.CreateBatch();
        batch.DeletePrefix(map, "cleo");
        _database.Write(batch);
        Assert.Equal(["adam", "ben"], map.All().Select(entry => entry.Key.Name));
        Assert.Throws<ArgumentException>(() => map.DeletePrefix(5L));
    }

    [Fact]
    public void Many_keys_of_several_maps_are_got_as_one()
    {
        SortedMap<Guid, long> other = _database.GetMap<Guid, long>("other");
        Guid id = UuidV7.Next();
        other.Put(id, 7);
        _map.Put(1, "one");
        using MultiGet gets = _database.CreateMultiGet();
        Assert.Equal(0, gets.Add(_map, 1));
        Assert.Equal(1, gets.Add(other, id));
        Assert.Equal(2, gets.Add(_map, 2));
        gets.Run();
        Assert.True(gets.TryGetValue(_map, 0, out string? text));
        Assert.Equal("one", text);
        Assert.True(gets.TryGetValue(other, 1, out long number));
        Assert.Equal(7, number);
        Assert.False(gets.TryGetValue(_map, 2, out _));
        Assert.Throws<ArgumentException>(() => gets.TryGetValue(_map, 1, out _));

        _database.GetMap("map").Put([0x80, 0, 0, 3], [0xFF]);
        gets.Clear();
        gets.Add(_map, 3);
        gets.Run();
        var unreadable = Assert.Throws<CorruptDataException>(() => gets.TryGetValue(_map, 0, out _));
        Assert.Contains("0x80000003", unreadable.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Entries_are_ingested_in_the_order_of_their_keys()
    {
        using (IngestWriter ingest = _database.CreateIngest())
        {
            for (int i = -500; i < 500; i++) ingest.Add(_map, i, $"{i}");
            Assert.Throws<ArgumentException>(() => ingest.Add(_map, -1, "before"));
            ingest.Commit();
        }

        Assert.Equal(Enumerable.Range(-500, 1_000), Keys());
        Assert.Equal("-7", _map.GetValueOrDefault(-7));
    }

    private IEnumerable<int> Keys() => _map.All().Select(entry => entry.Key);
}
