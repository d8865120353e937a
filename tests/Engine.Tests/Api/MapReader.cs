using Content = System.Collections.Immutable.ImmutableSortedDictionary<byte[], byte[]>;

namespace Varve.Tests.Api;

/// <summary>Reads a map in every way there is, and compares each with a sorted dictionary.</summary>
internal static class MapReader
{
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
        Assert.Equal(expected, Assert.Single(map.GetMany([key], snapshot)));
        Assert.Equal(expected, map.GetAsync(key, snapshot).AsTask().GetAwaiter().GetResult());
        using ValueLease lease = map.Lease(key, snapshot);
        Assert.Equal(isExpected, lease.IsFound);
        Assert.True(lease.Value.SequenceEqual(expected), $"'{map.Name}' key {HistoryKeys.Show(key)}: the lease shows another value");
    }

    /// <summary>Forward, and backward turned round, are the model.</summary>
    public static void CheckScans(SortedMap map, Content model, Snapshot? snapshot)
    {
        KeyValuePair<byte[], byte[]>[] entries = [.. model];
        Check(map.All(snapshot: snapshot), entries, $"'{map.Name}' forward");
        CheckKeys(map.All(snapshot: snapshot), entries, $"'{map.Name}' forward");
        Array.Reverse(entries);
        Check(map.All(Direction.Descending, snapshot: snapshot), entries, $"'{map.Name}' backward");
        CheckKeys(map.All(Direction.Descending, snapshot: snapshot), entries, $"'{map.Name}' backward");

        byte[][] keys = [.. model.Keys];
        byte[]?[] values = map.GetMany(keys, snapshot);
        for (int i = 0; i < keys.Length; i++)
            Assert.True(model[keys[i]].AsSpan().SequenceEqual(values[i]), $"'{map.Name}': the multi-get shows another value for key {i}");
    }

    /// <summary>The same pages of a scan, whichever way, as the model's entries.</summary>
    public static async Task CheckPages(SortedMap map, Content model, Snapshot? snapshot, Random random)
    {
        var direction = (Direction)random.Next(2);
        KeyValuePair<byte[], byte[]>[] expected = direction == Direction.Ascending ? [.. model] : [.. model.Reverse()];
        int count = 0;
        await foreach (EntryPage page in map.ScanAsync(direction: direction, pageBytes: random.Next(1, 8) << 10, snapshot: snapshot))
        {
            foreach ((ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value) in page)
            {
                Assert.True(key.Span.SequenceEqual(expected[count].Key), $"'{map.Name}', {direction}: entry {count} of the pages");
                Assert.True(value.Span.SequenceEqual(expected[count++].Value), $"'{map.Name}', {direction}: value {count} of the pages");
            }
        }

        Assert.Equal(expected.Length, count);
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
        [
            .. model.Where(entry => low.Length == 0 || Compare(entry.Key, low) > 0)
                .Where(entry => high.Length == 0 || Compare(entry.Key, high) <= 0),
        ];
        Check(map.ReverseRange(high, low, limit, snapshot), [.. below.Reverse().Take(taken)], where + ", reverse range");

        byte[] prefix = low[..random.Next(Math.Min(low.Length, 6) + 1)];
        KeyValuePair<byte[], byte[]>[] beginning = [.. model.Where(entry => entry.Key.AsSpan().StartsWith(prefix))];
        where = $"'{map.Name}' prefix {HistoryKeys.Show(prefix)}, limit {limit}";
        Check(map.Prefix(prefix, Direction.Ascending, limit, snapshot), [.. beginning.Take(taken)], where);
        Check(map.Prefix(prefix, Direction.Descending, limit, snapshot), [.. beginning.Reverse().Take(taken)], where + ", descending");
    }

    private static void Check(EntryRange range, KeyValuePair<byte[], byte[]>[] expected, string where)
    {
        int count = 0;
        foreach (var (key, value) in range)
        {
            Assert.True(count < expected.Length, $"{where}: {HistoryKeys.Show(key)} is one entry too many after {count}");
            Assert.True(
                key.SequenceEqual(expected[count].Key),
                $"{where}, entry {count}: {HistoryKeys.Show(key)} should be {HistoryKeys.Show(expected[count].Key)}");
            Assert.True(
                value.SequenceEqual(expected[count].Value),
                $"{where}, entry {count}: the value of {HistoryKeys.Show(key)} differs");
            count++;
        }

        Assert.True(count == expected.Length, $"{where}: {count} entries, should be {expected.Length}");
    }

    private static void CheckKeys(EntryRange range, KeyValuePair<byte[], byte[]>[] expected, string where)
    {
        int count = 0;
        foreach (ReadOnlySpan<byte> key in range.Keys)
        {
            bool isExpected = count < expected.Length && key.SequenceEqual(expected[count].Key);
            Assert.True(isExpected, $"{where}, key {count}: {HistoryKeys.Show(key)}");
            count++;
        }

        Assert.True(count == expected.Length, $"{where}: {count} keys, should be {expected.Length}");
    }

    /// <summary>A key of the space, or one that stands close to such a key and is none.</summary>
    public static byte[] Bound(Random random)
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
}
