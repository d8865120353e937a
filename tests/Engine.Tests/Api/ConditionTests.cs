using Varve.Tests.Files;
using Varve.Tests.House;

namespace Varve.Tests.Api;

public sealed class ConditionTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly ManualClock _clock = new();
    private readonly Database _database;
    private readonly SortedMap _map;

    public ConditionTests()
    {
        _database = Database.Open(_directory.Path, new DatabaseOptions { TimeProvider = _clock, Durability = Durability.None });
        _map = _database.GetMap("map");
    }

    public void Dispose()
    {
        _database.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Each_kind_of_condition_holds_only_where_it_should()
    {
        Assert.True(_map.TryPutIfAbsent("k"u8, "1"u8, out EntryVersion first));
        Assert.False(_map.TryPutIfAbsent("k"u8, "2"u8, out EntryVersion inTheWay));
        Assert.Equal(first, inTheWay);
        Assert.True(_map.TryGet("k"u8, new byte[9], out int length, out EntryVersion read));
        Assert.Equal((1, first), (length, read));
        _database.Compact();
        Assert.True(_map.TryPutIfVersion("k"u8, "3"u8, first, out EntryVersion second));
        Assert.False(_map.TryPutIfVersion("k"u8, "4"u8, first, out EntryVersion actual));
        Assert.Equal(second, actual);
        Assert.NotEqual(first, second);
        Assert.False(_map.TryPutIfValue("k"u8, "5"u8, "1"u8, out _));
        Assert.True(_map.TryPutIfValue("k"u8, new byte[20_000], "3"u8, out _));
        _database.Flush();
        Assert.False(_map.TryDeleteIfValue("k"u8, new byte[20_001]));
        Assert.False(_map.TryDeleteIfVersion("k"u8, second));
        Assert.True(_map.TryDeleteIfValue("k"u8, new byte[20_000]));
        Assert.False(_map.TryDeleteIfValue("k"u8, []));
        Assert.True(_map.TryPutIfVersion("k"u8, "6"u8, EntryVersion.None, out _));
    }

    [Fact]
    public void An_expired_entry_is_absent_for_conditions()
    {
        Assert.True(_map.TryPutIfAbsent("lease"u8, "me"u8, out _, TimeSpan.FromSeconds(10)));
        Assert.False(_map.TryPutIfAbsent("lease"u8, "you"u8, out _, TimeSpan.FromSeconds(10)));
        _clock.Advance(TimeSpan.FromSeconds(10));
        Assert.False(_map.TryDeleteIfValue("lease"u8, "me"u8));
        Assert.True(_map.TryPutIfAbsent("lease"u8, "you"u8, out _, TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public async Task The_outcome_names_the_first_condition_that_failed_and_nothing_of_the_batch_happened()
    {
        SortedMap other = _database.GetMap("other");
        _map.Put("there"u8, "1"u8);
        using WriteBatch batch = _database.CreateBatch();
        batch.RequirePresent(_map, "there"u8);
        batch.RequireAbsent(other, "gone"u8);
        batch.RequireValue(_map, "there"u8, "2"u8);
        batch.RequireAbsent(_map, "there"u8);
        batch.Put(other, "written"u8, "x"u8);
        Assert.Throws<InvalidOperationException>(() => _database.Write(batch));
        foreach (WriteOutcome outcome in (WriteOutcome[])[_database.TryWrite(batch), await _database.TryWriteAsync(batch)])
        {
            Assert.False(outcome.IsCommitted);
            Assert.Equal(2, outcome.FailedCondition);
            Assert.Same(_map, outcome.FailedMap);
            Assert.Equal("there"u8.ToArray(), outcome.FailedKey);
            Assert.True(_map.TryGet("there"u8, [], out _, out EntryVersion version));
            Assert.Equal(version, outcome.ActualVersion);
            Assert.Equal(["map"], _database.ListMaps());
        }

        batch.Clear();
        batch.RequireValue(_map, "there"u8, "1"u8);
        batch.Put(other, "written"u8, "x"u8);
        batch.Delete(_map, "there"u8);
        WriteOutcome written = _database.TryWrite(batch);
        Assert.Equal((true, -1, _database.LatestSequence), (written.IsCommitted, written.FailedCondition, written.Sequence));
        Assert.True(other.TryGet("written"u8, [], out _, out EntryVersion put));
        Assert.Equal(put, written.GetVersion(0));
        Assert.False((await _database.TryWriteAsync(batch)).IsCommitted);
    }

    [Fact]
    public void Of_many_that_count_up_at_once_none_is_lost()
    {
        _map.Put("n"u8, BitConverter.GetBytes(0));
        Parallel.For(0, 8, _ =>
        {
            byte[] value = new byte[4];
            for (int done = 0; done < 200;)
            {
                _map.TryGet("n"u8, value, out int _, out EntryVersion version);
                byte[] next = BitConverter.GetBytes(BitConverter.ToInt32(value) + 1);
                if (_map.TryPutIfVersion("n"u8, next, version, out EntryVersion _, durability: Durability.Buffered)) done++;
            }
        });
        Assert.Equal(1_600, BitConverter.ToInt32(_map.Get("n"u8)));
    }

    [Fact]
    public void Conditions_take_no_more_than_a_quarter_of_the_budget()
    {
        using var directory = new TemporaryDirectory();
        using Database small = Database.Open(directory.Path, new DatabaseOptions { MemoryBudgetBytes = 8 << 20 });
        using WriteBatch batch = small.CreateBatch();
        SortedMap map = small.GetMap("m");
        batch.RequireValue(map, "k"u8, new byte[1 << 20]);
        Assert.Throws<ArgumentException>(() => batch.RequireValue(map, "k"u8, new byte[1 << 20]));
        Assert.Equal(1, batch.ConditionCount);
        batch.RequireAbsent(map, "k"u8);
        Assert.False(small.TryWrite(batch).IsCommitted);
    }

    [Fact]
    public void A_conditional_put_allocates_nothing_in_the_steady_state()
    {
        byte[] value = new byte[8];
        EntryVersion version = EntryVersion.None;
        Assert.Equal(0, Allocated.By(() =>
        {
            for (int i = 0; i < 500; i++) _map.TryPutIfVersion("k"u8, value, version, out version);
        }));
        Assert.NotEqual(EntryVersion.None, version);
    }
}
