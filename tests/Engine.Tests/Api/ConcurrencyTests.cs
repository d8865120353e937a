using System.Buffers.Binary;
using Varve.Native;

namespace Varve.Tests.Api;

/// <summary>
/// Readers, cursors and snapshots beside a writer, flushes and compactions. Each round writes all keys in one batch, with the round in
/// every value: whoever reads must see whole rounds, and every key in each.
/// </summary>
public sealed class ConcurrencyTests
{
    private const int KeyCount = 400;

    /// <summary>Until the first compaction that is asked for, however busy the machine is.</summary>
    private const int RoundsMin = 65;

    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(2);

    private readonly SimulatedDisk _disk = new();
    private volatile bool _isOver;

    [Fact]
    public void Readers_see_whole_batches_beside_a_writer_and_compactions()
    {
        OptionSet options = OptionSet.Tiny with { CompactionThreads = 2, Durability = Durability.None };
        using Database database = options.Open(_disk, new RegionPool());
        SortedMap map = database.GetMap("m");
        using WriteBatch batch = database.CreateBatch();
        Write(database, map, batch, round: 1);
        using MultiGet gets = database.CreateMultiGet();
        Action[] readers =
        [
            () => Get(map), () => GetMany(map, gets), () => ReadPages(map).GetAwaiter().GetResult(), () => Scan(map),
            () => ScanBackward(map), () => Walk(map), () => HoldSnapshot(database, map),
        ];
        Exception?[] failures = new Exception?[readers.Length];
        long[] counts = new long[readers.Length];
        Thread[] threads =
        [
            .. readers.Select((reader, index) => new Thread(() => failures[index] = Record.Exception((Action)(() =>
            {
                while (!_isOver)
                {
                    reader();
                    counts[index]++;
                }
            })))),
        ];
        foreach (Thread thread in threads) thread.Start();
        long started = Environment.TickCount64;
        int round = 1;
        while (Environment.TickCount64 - started < Duration.TotalMilliseconds || round < RoundsMin)
        {
            Write(database, map, batch, ++round);
            if (round % 16 == 0) database.Flush();
            if (round % 64 == 0) database.Compact();
        }

        _isOver = true;
        foreach (Thread thread in threads) thread.Join();
        for (int i = 0; i < failures.Length; i++) Assert.True(failures[i] is null, $"reader {i} after {counts[i]} turns: {failures[i]}");
        Assert.All(counts, count => Assert.True(count > 0));
        Assert.Equal(round, CheckRound(map, Direction.Ascending, snapshot: null));
        Assert.True(database.Verify().IsSound);
        Assert.True(database.GetStatistics().Compactions > 0);
    }

    /// <summary>All keys of a multi-get are of one round.</summary>
    private static void GetMany(SortedMap map, MultiGet gets)
    {
        gets.Clear();
        for (int i = 0; i < KeyCount; i++) gets.Add(map, Key(i));
        gets.Run();
        int round = 0;
        for (int i = 1; i < KeyCount; i += 2)
        {
            Assert.True(gets.TryGetValue(i, out ReadOnlySpan<byte> value), $"key {i} is absent");
            int found = RoundOf(value);
            if (round == 0) round = found;
            Assert.Equal(round, found);
        }

        for (int i = 0; i < KeyCount; i++) Assert.Equal(IsPresent(i, round), gets.TryGetValue(i, out _));
    }

    private static async Task ReadPages(SortedMap map)
    {
        int round = 0;
        int count = 0;
        await foreach (EntryPage page in map.ScanAsync(pageBytes: 2 << 10))
        {
            foreach (PageEntry entry in page)
            {
                int found = RoundOf(entry.Value.Span);
                if (round == 0) round = found;
                Assert.Equal(round, found);
                count++;
            }
        }

        Assert.Equal(Enumerable.Range(0, KeyCount).Count(i => IsPresent(i, round)), count);
    }

    /// <summary>Even keys are there in even rounds only, so that tombstones come and go.</summary>
    private static void Write(Database database, SortedMap map, WriteBatch batch, int round)
    {
        batch.Clear();
        for (int i = 0; i < KeyCount; i++)
        {
            if (IsPresent(i, round)) batch.Put(map, Key(i), Value(i, round));
            else batch.Delete(map, Key(i));
        }

        database.Write(batch);
    }

    private static bool IsPresent(int key, int round) => key % 2 == 1 || round % 2 == 0;

    private static byte[] Key(int number)
    {
        byte[] key = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(key, number);
        return key;
    }

    private static byte[] Value(int key, int round)
    {
        byte[] value = new byte[8 + (key * 31 + round) % 90];
        value.AsSpan().Fill((byte)(key + round));
        BinaryPrimitives.WriteInt32LittleEndian(value, round);
        return value;
    }

    private static int RoundOf(ReadOnlySpan<byte> value) => BinaryPrimitives.ReadInt32LittleEndian(value);

    /// <summary>A key's value never goes back to an older round.</summary>
    private static void Get(SortedMap map)
    {
        for (int i = 1; i < KeyCount; i += 2)
        {
            byte[] first = map.Get(Key(i))!;
            byte[] second = map.Get(Key(i))!;
            Assert.True(first.AsSpan().SequenceEqual(Value(i, RoundOf(first))), $"key {i}: wrong bytes");
            Assert.True(RoundOf(second) >= RoundOf(first), $"key {i}: round {RoundOf(second)} after {RoundOf(first)}");
        }
    }

    private static void Scan(SortedMap map) => CheckRound(map, Direction.Ascending, snapshot: null);

    private static void ScanBackward(SortedMap map) => CheckRound(map, Direction.Descending, snapshot: null);

    private static void HoldSnapshot(Database database, SortedMap map)
    {
        using Snapshot snapshot = database.CreateSnapshot();
        int round = CheckRound(map, Direction.Ascending, snapshot);
        for (int i = 0; i < 5; i++)
        {
            Assert.Equal(round, CheckRound(map, i % 2 == 0 ? Direction.Descending : Direction.Ascending, snapshot));
            for (int key = 0; key < KeyCount; key += 13)
            {
                byte[]? value = map.Get(Key(key), snapshot);
                Assert.True(value is not null == IsPresent(key, round), $"key {key} in round {round}: present is {value is not null}");
                if (value is not null) Assert.Equal(Value(key, round), value);
            }
        }
    }

    /// <summary>Two steps forward, one back, over all keys: it stays in its moment however long it takes.</summary>
    private static void Walk(SortedMap map)
    {
        using Cursor cursor = map.CreateCursor();
        Assert.True(cursor.Seek(Key(1)));
        int round = RoundOf(cursor.Value);
        int step = IsPresent(2, round) ? 1 : 2;
        int key = 1;
        while (true)
        {
            Check(cursor, key, round);
            if (!cursor.Next()) break;
            Check(cursor, key + step, round);
            Assert.True(cursor.Previous());
            Check(cursor, key, round);
            Assert.True(cursor.Next());
            key += step;
        }

        Assert.Equal(KeyCount - 1, key);
    }

    private static void Check(Cursor cursor, int key, int round)
    {
        Assert.True(cursor.Key.SequenceEqual(Key(key)), $"round {round}: {HistoryKeys.Show(cursor.Key)} should be key {key}");
        Assert.True(
            cursor.Value.SequenceEqual(Value(key, round)),
            $"round {round}: the value of key {key} is of round {RoundOf(cursor.Value)}");
    }

    private static int CheckRound(SortedMap map, Direction direction, Snapshot? snapshot)
    {
        int round = 0;
        int key = direction == Direction.Ascending ? -1 : KeyCount;
        int step = direction == Direction.Ascending ? 1 : -1;
        foreach (var (foundKey, value) in map.All(direction, snapshot: snapshot))
        {
            if (round == 0) round = RoundOf(value);
            do key += step;
            while (!IsPresent(key, round));
            Assert.True(foundKey.SequenceEqual(Key(key)), $"round {round}: {HistoryKeys.Show(foundKey)} should be key {key}");
            Assert.True(value.SequenceEqual(Value(key, round)), $"round {round}: the value of key {key} is of round {RoundOf(value)}");
        }

        int last = direction == Direction.Ascending ? KeyCount - 1 : IsPresent(0, round) ? 0 : 1;
        Assert.True(key == last, $"round {round}: the scan ended at key {key}");
        return round;
    }
}
