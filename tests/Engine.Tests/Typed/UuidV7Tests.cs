using Varve.Tests.Files;

namespace Varve.Tests.Typed;

public sealed class UuidV7Tests
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Ids_ascend_within_a_millisecond_and_when_the_clock_is_set_back()
    {
        var clock = new ManualClock();
        var generator = new UuidV7Generator(clock, new SeededRandom(1));
        var random = new Random(2);
        Guid last = Guid.Empty;
        for (int i = 0; i < 20_000; i++)
        {
            if (random.Next(50) == 0) clock.SetUtcNow(Noon.AddMilliseconds(random.Next(-1000, 1000)));
            Guid next = generator.Next();
            Assert.True(next.CompareTo(last) > 0, $"step {i}: {last}, then {next}");
            Assert.Equal((7, 2), (next.Version, next.Variant >> 2));
            last = next;
        }
    }

    [Fact]
    public void When_a_milliseconds_numbers_are_used_up_the_next_one_begins()
    {
        (ulong Milliseconds, ulong Upper, ulong Lower) last = (5, (1UL << 12) - 1, (1UL << 62) - (3UL << 32));
        for (int i = 0; i < 10; i++)
        {
            (ulong Milliseconds, ulong Upper, ulong Lower) next = UuidV7Generator.Step(last, step: 1UL << 32);
            Assert.True(ToId(next).CompareTo(ToId(last)) > 0);
            last = next;
        }

        Assert.Equal(6UL, last.Milliseconds);
    }

    private static Guid ToId((ulong Milliseconds, ulong Upper, ulong Lower) id) => UuidV7.Make(id.Milliseconds, id.Upper, id.Lower);

    [Fact]
    public void Threads_never_get_the_same_id()
    {
        Guid[] ids = new Guid[20_000];
        Parallel.For(0, ids.Length, i => ids[i] = UuidV7.Next());
        Assert.Equal(ids.Length, ids.Distinct().Count());
    }

    [Fact]
    public void An_id_tells_its_time()
    {
        var clock = new ManualClock();
        clock.SetUtcNow(Noon.AddTicks(12_345));
        Assert.True(UuidV7.TryGetTime(new UuidV7Generator(clock).Next(), out DateTimeOffset time));
        Assert.Equal(Noon.AddMilliseconds(1), time);
        Assert.False(UuidV7.TryGetTime(Guid.Parse("00000000-0000-4000-8000-000000000000"), out _));
        Assert.False(UuidV7.TryGetTime(Guid.Parse("ffffffff-ffff-7fff-bfff-ffffffffffff"), out _));
        Assert.True(UuidV7.TryGetTime(Guid.CreateVersion7(Noon), out time));
        Assert.Equal(Noon, time);
    }

    [Fact]
    public void Bounds_hold_every_id_of_the_time_and_no_other()
    {
        using var directory = new TemporaryDirectory();
        using Database database = Database.Open(directory.Path, new DatabaseOptions { Durability = Durability.None });
        SortedMap<Guid, int> map = database.GetMap<Guid, int>("events");
        var clock = new ManualClock();
        clock.SetUtcNow(Noon);
        var generator = new UuidV7Generator(clock);
        for (int i = 0; i < 100; i++)
        {
            map.Put(generator.Next(), i);
            if (i % 10 == 9) clock.Advance(TimeSpan.FromMilliseconds(1));
        }

        (Guid start, Guid end) = UuidV7.Bounds(Noon.AddMilliseconds(2), Noon.AddMilliseconds(4));
        Assert.Equal(Enumerable.Range(20, 20), map.Range(start, end).Select(entry => entry.Value));
        (start, end) = UuidV7.Bounds(Noon.AddTicks(29_999), Noon.AddTicks(30_001));
        Assert.Equal(Enumerable.Range(20, 20), map.Range(start, end).Select(entry => entry.Value));
        Assert.Equal(Enumerable.Range(90, 10), map.From(UuidV7.First(Noon.AddMilliseconds(9))).Select(entry => entry.Value));
        Assert.Empty(map.Before(UuidV7.First(Noon)));
    }

    [Fact]
    public void Bounds_reach_from_1970_to_the_last_moment()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => UuidV7.First(DateTimeOffset.UnixEpoch.AddTicks(-1)));
        Assert.Equal(Guid.Parse("00000000-0000-7000-8000-000000000000"), UuidV7.First(DateTimeOffset.UnixEpoch));
        (Guid start, Guid end) = UuidV7.Bounds(DateTimeOffset.UnixEpoch, DateTimeOffset.MaxValue);
        Assert.True(start.CompareTo(end) < 0);
    }
}
