using Varve.Tests.Files;

namespace Varve.Tests.Api;

public sealed class TimeToLiveTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly ManualClock _clock = new();
    private Database _database;

    public TimeToLiveTests() => _database = Open();

    private SortedMap Map => _database.GetMap("map");

    public void Dispose()
    {
        _database.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(10)]
    [InlineData(20_000)]
    public void An_entry_is_there_until_its_expiry_in_memtables_and_tables_and_over_an_open(int valueBytes)
    {
        byte[] value = new byte[valueBytes];
        Array.Fill(value, (byte)7);
        Map.Put("a"u8, value, TimeSpan.FromHours(1));
        Map.Put("b"u8, value);
        DateTimeOffset expiry = _clock.GetUtcNow() + TimeSpan.FromHours(1);
        Action[] steps = [() => { }, () => _database.Flush(), () => _database.Compact(), Reopen];
        foreach (Action step in steps)
        {
            step();
            Assert.Equal(value, Map.Get("a"u8));
            Assert.True(Map.TryGetExpiry("a"u8, out DateTimeOffset? shown));
            Assert.Equal(expiry, shown);
            Assert.True(Map.TryGetExpiry("b"u8, out shown));
            Assert.Null(shown);
            Assert.Equal(["a", "b"], Keys(Direction.Ascending));
            Assert.Equal(["b", "a"], Keys(Direction.Descending));
            foreach (Entry entry in Map.All(Direction.Descending)) Assert.True(entry.Value.SequenceEqual(value));
        }

        _clock.Advance(TimeSpan.FromHours(1) - TimeSpan.FromMilliseconds(1));
        Assert.True(Map.Contains("a"u8));
        using Snapshot before = _database.CreateSnapshot();
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.False(Map.Contains("a"u8));
        Assert.Equal(["b"], Keys(Direction.Ascending));
        Assert.Equal(["b"], Keys(Direction.Descending));
        Assert.Equal(value, Map.Get("a"u8, before));
        _clock.Advance(TimeSpan.FromHours(3));
        _database.Compact();
        Assert.Equal(value, Map.Get("a"u8, before));
    }

    [Fact]
    public void What_expired_gives_its_space_back_after_the_grace_and_not_before()
    {
        for (int i = 0; i < 2_000; i++) Map.Put(BitConverter.GetBytes(i), new byte[500], TimeSpan.FromMinutes(1), Durability.None);
        _database.Compact();
        _clock.Advance(TimeSpan.FromMinutes(60));
        _database.Compact();
        Assert.True(TableBytes() > 10_000);
        _clock.Advance(TimeSpan.FromMinutes(2));
        _database.Compact();

        // The name of the map is left.
        Assert.InRange(TableBytes(), 0, 1_000);
    }

    [Fact]
    public void An_expired_entry_still_hides_older_versions_of_its_key()
    {
        Map.Put("a"u8, "old"u8);
        _database.Compact();
        Map.Put("a"u8, "new"u8, TimeSpan.FromMinutes(1));
        _database.Flush();
        _clock.Advance(TimeSpan.FromHours(5));
        Assert.Null(Map.Get("a"u8));
        _database.Compact();
        Assert.Null(Map.Get("a"u8));
        Reopen();
        Assert.Null(Map.Get("a"u8));
    }

    [Fact]
    public void A_clock_that_is_set_forward_expires_early_and_reclaims_nothing()
    {
        Map.Put("a"u8, "1"u8, TimeSpan.FromDays(1));
        _database.Flush();
        DateTimeOffset right = _clock.GetUtcNow();
        _clock.SetUtcNow(right.AddDays(400));
        Assert.False(Map.Contains("a"u8));
        _database.Compact();
        Assert.True(TableBytes() > 0);

        // Time never goes back, also not over an open.
        _clock.SetUtcNow(right);
        Assert.False(Map.Contains("a"u8));
        Reopen();
        Assert.False(Map.Contains("a"u8));
    }

    [Fact]
    public void Times_that_no_entry_can_have_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Map.Put("a"u8, "1"u8, TimeSpan.Zero));
        Assert.Throws<ArgumentOutOfRangeException>(() => Map.Put("a"u8, "1"u8, TimeSpan.FromTicks(-1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => Map.Put("a"u8, "1"u8, TimeSpan.MaxValue));
        Assert.Throws<ArgumentOutOfRangeException>(() => Map.PutUntil("a"u8, "1"u8, DateTimeOffset.UnixEpoch));
        Map.PutUntil("a"u8, "1"u8, DateTimeOffset.MaxValue);
        Assert.True(Map.Contains("a"u8));
        Map.PutUntil("a"u8, "1"u8, _clock.GetUtcNow().AddDays(-1));
        Assert.False(Map.Contains("a"u8));
    }

    private List<string> Keys(Direction direction)
    {
        List<string> keys = [];
        foreach (Entry entry in Map.All(direction)) keys.Add(System.Text.Encoding.UTF8.GetString(entry.Key));
        return keys;
    }

    private long TableBytes() => Directory.GetFiles(_directory.Path, "*.table").Sum(path => new FileInfo(path).Length);

    private void Reopen()
    {
        _database.Close();
        _database = Open();
    }

    private Database Open() => Database.Open(_directory.Path, new DatabaseOptions { TimeProvider = _clock, MemoryBudgetBytes = 16 << 20 });
}
