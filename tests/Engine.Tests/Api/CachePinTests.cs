using System.Buffers.Binary;
using Varve.Native;

namespace Varve.Tests.Api;

/// <summary>Cursors that stand still hold the blocks they stand on: a bounded part of the cache, and never what upkeep needs.</summary>
public sealed class CachePinTests : IDisposable
{
    private const int Count = 4_000;
    private const int CursorsMax = 5_000;

    private readonly Database _database;
    private readonly SortedMap _map;
    private readonly List<Cursor> _cursors = [];

    public CachePinTests()
    {
        _database = (OptionSet.All[^1] with { Compress = false }).Open(new SimulatedDisk(), new RegionPool());
        _map = _database.GetMap("m");
        for (int i = 0; i < Count; i++) _map.Put(KeyOf(i), new byte[1_500]);
        _database.Compact();
    }

    private long CacheBytes => _database.GetStatistics().CacheCapacityBytes;

    public void Dispose()
    {
        foreach (Cursor cursor in _cursors) cursor.Dispose();
        _database.Dispose();
    }

    [Fact]
    public void Past_a_quarter_of_the_cache_no_cursor_is_opened_and_what_is_open_goes_on()
    {
        MemoryBudgetException? refusal = null;
        while (refusal is null && _cursors.Count < CursorsMax)
        {
            refusal = (MemoryBudgetException?)Record.Exception(() => _cursors.Add(_map.CreateCursor()));
            if (refusal is null) Assert.True(_cursors[^1].Seek(KeyOf(_cursors.Count * 2)));
        }

        Assert.NotNull(refusal);
        Assert.Contains("more than a quarter of the block cache", refusal.Message);
        Assert.Contains("DatabaseOptions.MemoryBudgetBytes", refusal.Message);
        Assert.InRange(_cursors.Count * 4096L, CacheBytes / 4, CacheBytes / 4 + 2 * 4096);
        Assert.Throws<MemoryBudgetException>(() => { foreach (Entry _ in _map.All()) { } });

        for (int i = 0; i < _cursors.Count; i++)
        {
            Assert.Equal(KeyOf((i + 1) * 2), _cursors[i].Key.ToArray());
            Assert.True(_cursors[i].Next());
        }

        for (int i = 0; i < Count; i += 7) Assert.NotNull(_map.Get(KeyOf(i)));

        foreach (Cursor cursor in _cursors[^2..]) cursor.Dispose();
        using Cursor next = _map.CreateCursor();
        Assert.True(next.SeekToFirst());
    }

    [Fact]
    public void Flush_and_compaction_go_on_while_cursors_have_all_of_the_cache_pinned()
    {
        // Opened while nothing is pinned; the last ones find no frame any more.
        for (int i = 0; i < CacheBytes / 4096 + 100; i++) _cursors.Add(_map.CreateCursor());
        int refused = 0;
        for (int i = 0; i < _cursors.Count; i++)
        {
            if (Record.Exception(() => _cursors[i].Seek(KeyOf(i * 2))) is not { } failure) continue;
            Assert.IsType<MemoryBudgetException>(failure);
            Assert.False(_cursors[i].IsValid);
            refused++;
        }

        Assert.InRange(refused, 1, 400);
        for (int i = 0; i < Count; i += 2) _map.Put(KeyOf(i), "new"u8);
        _database.Flush();
        _database.Compact();
        Assert.Equal(0, _database.GetStatistics().UpkeepFailures);

        foreach (Cursor cursor in _cursors) cursor.Dispose();
        int count = 0;
        foreach (Entry entry in _map.All()) Assert.Equal(count++ % 2 == 0 ? 3 : 1_500, entry.Value.Length);
        Assert.Equal(Count, count);
    }

    private static byte[] KeyOf(int number)
    {
        byte[] key = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(key, number);
        return key;
    }
}
