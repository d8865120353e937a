using Content = System.Collections.Immutable.ImmutableSortedDictionary<byte[], byte[]>;

namespace Varve.Tests.Api;

/// <summary>Reads a map in every way there is, and compares each with a sorted dictionary.</summary>
internal static class MapReader
{
    private const int WalkSteps = 60;

    public static void CheckGet(SortedMap map, byte[] key, Content model, Snapshot? snapshot)
    {
        bool isExpected = model.TryGetValue(key, out byte[]? expected);
        byte[] destination = new byte[64];
        bool isPresent = map.TryGet(key, destination, out int length, snapshot);
        Assert.True(isPresent == isExpected, $"'{map.Name}' key {HistoryKeys.Show(key)}: present is {isPresent}, should be {isExpected}");
        Assert.Equal(expected?.Length ?? 0, length);
        if (isPresent && length <= destination.Length) Assert.Equal(expected, destination[..length]);
        Assert.Equal(expected, map.Get(key, snapshot));
        Assert.Equal(isExpected, map.Contains(key, snapshot));
    }

    /// <summary>Forward, and backward turned round, are the model.</summary>
    public static void CheckScans(SortedMap map, Content model, Snapshot? snapshot)
    {
        KeyValuePair<byte[], byte[]>[] entries = [.. model];
        Check(map.All(snapshot: snapshot), entries, $"'{map.Name}' forward");
        Array.Reverse(entries);
        Check(map.All(Direction.Descending, snapshot: snapshot), entries, $"'{map.Name}' backward");
    }

    /// <summary>All forms of range with the same bounds, with and without a limit. Empty bounds are none.</summary>
    public static void CheckRange(SortedMap map, Content model, Snapshot? snapshot, Random random)
    {
        byte[] low = Bound(random);
        byte[] high = Bound(random);
        if (random.Next(8) > 0 && low.AsSpan().SequenceCompareTo(high) > 0) (low, high) = (high, low);
        long limit = random.Next(3) == 0 ? random.Next(5) : long.MaxValue;
        int taken = (int)Math.Min(limit, int.MaxValue);
        string where = $"'{map.Name}' from {HistoryKeys.Show(low)} to {HistoryKeys.Show(high)}, limit {limit}";

        KeyValuePair<byte[], byte[]>[] inside =
            [.. model.Where(entry => Compare(entry.Key, low) >= 0 && (high.Length == 0 || Compare(entry.Key, high) < 0))];
        Check(map.Range(low, high, limit, snapshot), [.. inside.Take(taken)], where + ", ascending");
        Check(map.Range(low, high, Direction.Ascending, limit, snapshot), [.. inside.Take(taken)], where + ", ascending (2)");
        Check(map.Range(low, high, Direction.Descending, limit, snapshot), [.. inside.Reverse().Take(taken)], where + ", descending");

        KeyValuePair<byte[], byte[]>[] below =
            [.. model.Where(entry => (low.Length == 0 || Compare(entry.Key, low) > 0) && (high.Length == 0 || Compare(entry.Key, high) <= 0))];
        Check(map.ReverseRange(high, low, limit, snapshot), [.. below.Reverse().Take(taken)], where + ", reverse range");

        byte[] prefix = low[..random.Next(Math.Min(low.Length, 6) + 1)];
        KeyValuePair<byte[], byte[]>[] beginning = [.. model.Where(entry => entry.Key.AsSpan().StartsWith(prefix))];
        where = $"'{map.Name}' prefix {HistoryKeys.Show(prefix)}, limit {limit}";
        Check(map.Prefix(prefix, Direction.Ascending, limit, snapshot), [.. beginning.Take(taken)], where);
        Check(map.Prefix(prefix, Direction.Descending, limit, snapshot), [.. beginning.Reverse().Take(taken)], where + ", descending");
    }

    /// <summary>Seeks and moves in any order; the place in the sorted keys is followed beside the cursor.</summary>
    public static void CheckWalk(SortedMap map, Content model, Snapshot? snapshot, Random random)
    {
        byte[][] keys = [.. model.Keys];
        using Cursor cursor = map.CreateCursor(snapshot);
        Assert.False(cursor.IsValid);
        int place = -1;
        for (int step = 0; step < WalkSteps; step++)
        {
            bool stands = place >= 0 && place < keys.Length;
            byte[] target = Bound(random);
            string where;
            bool result;
            switch (random.Next(stands ? 12 : 4))
            {
                case 0 when step % 4 == 0:
                    (where, result, place) = ("first", cursor.SeekToFirst(), 0);
                    break;
                case 1 when step % 4 == 0:
                    (where, result, place) = ("last", cursor.SeekToLast(), keys.Length - 1);
                    break;
                case 0 or 2:
                    (where, result, place) = ($"seek {HistoryKeys.Show(target)}", cursor.Seek(target), CountBefore(keys, target, countEqual: false));
                    break;
                case 1 or 3:
                    (where, result) = ($"seek for previous {HistoryKeys.Show(target)}", cursor.SeekForPrevious(target));
                    place = CountBefore(keys, target, countEqual: true) - 1;
                    break;
                case < 8:
                    (where, result, place) = ("next", cursor.Next(), place + 1);
                    break;
                default:
                    (where, result, place) = ("previous", cursor.Previous(), place - 1);
                    break;
            }

            CheckAt(map, cursor, keys, model, place, result, $"step {step}, {where}");
        }
    }

    private static void CheckAt(SortedMap map, Cursor cursor, byte[][] keys, Content model, int place, bool result, string where)
    {
        where = $"'{map.Name}' {where}";
        bool stands = place >= 0 && place < keys.Length;
        Assert.True(result == stands && cursor.IsValid == stands, $"{where}: stands is {result}, should be {stands}");
        if (!stands) return;
        Assert.True(cursor.Key.SequenceEqual(keys[place]), $"{where}: {HistoryKeys.Show(cursor.Key)} should be {HistoryKeys.Show(keys[place])}");
        Assert.True(cursor.Value.SequenceEqual(model[keys[place]]), $"{where}: the value of {HistoryKeys.Show(cursor.Key)} differs");
    }

    private static void Check(EntryRange range, KeyValuePair<byte[], byte[]>[] expected, string where)
    {
        int count = 0;
        foreach (var (key, value) in range)
        {
            Assert.True(count < expected.Length, $"{where}: {HistoryKeys.Show(key)} is one entry too many after {count}");
            Assert.True(
                key.SequenceEqual(expected[count].Key), $"{where}, entry {count}: {HistoryKeys.Show(key)} should be {HistoryKeys.Show(expected[count].Key)}");
            Assert.True(value.SequenceEqual(expected[count].Value), $"{where}, entry {count}: the value of {HistoryKeys.Show(key)} differs");
            count++;
        }

        Assert.True(count == expected.Length, $"{where}: {count} entries, should be {expected.Length}");
    }

    /// <summary>A key of the space, or one that stands close to such a key and is none.</summary>
    private static byte[] Bound(Random random)
    {
        byte[] key = HistoryKeys.Key(random);
        if (key.Length is 0 or > 1000) return key;
        return random.Next(6) switch
        {
            0 => [.. key, (byte)random.Next(256)],
            1 => key[..^1],
            2 => [.. key[..^1], (byte)random.Next(256)],
            _ => key,
        };
    }

    private static int Compare(byte[] a, byte[] b) => a.AsSpan().SequenceCompareTo(b);

    private static int CountBefore(byte[][] keys, byte[] target, bool countEqual)
    {
        int place = Array.BinarySearch(keys, target, HistoryKeys.Order);
        return place < 0 ? ~place : countEqual ? place + 1 : place;
    }
}
