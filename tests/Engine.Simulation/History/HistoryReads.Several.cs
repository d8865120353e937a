using Varve.Runtime;

namespace Varve.Simulation;

/// <summary>Many keys at once, reads without a waiting thread, pages, leases, keys alone: all answer as gets and scans do.</summary>
internal sealed partial class HistoryReads
{
    private const int PageBytes = 1 << 10;

    /// <summary>Some keys of all maps, one of them also by a lease and awaited.</summary>
    public void CheckSeveral(Random random, Scheduler scheduler, HistoryMoment moment)
    {
        var asked = new (int Map, int Key)[random.Next(1, 40)];
        for (int i = 0; i < asked.Length; i++)
            asked[i] = (random.Next(model.Options.MapNames.Length), random.Next(model.Options.Keys.Length));
        CheckMany(asked, moment);

        model.Tally.Gets += 2;
        (int map, int key) = asked[0];
        SortedMap shown = MapAt(map, moment.Snapshot);
        HistoryEntry? expected = model.ExpectedEntry(map, key, moment);
        using (ValueLease lease = shown.Lease(model.Options.Keys[key], moment.Snapshot))
            CheckValue(lease.IsFound, lease.Value, expected, $"lease of key {key} in map {map} at {moment}");
        ValueTask<byte[]?> read = shown.GetAsync(model.Options.Keys[key], moment.Snapshot);
        while (!read.IsCompleted) scheduler.SpinOnce();
        byte[]? value = read.GetAwaiter().GetResult();
        CheckValue(value is not null, value, expected, $"awaited get of key {key} in map {map} at {moment}");
    }

    /// <summary>A map in pages, read ahead by one, either way.</summary>
    public void CheckPages(Random random, Scheduler scheduler, int map, HistoryMoment moment)
    {
        SortedMap shown = MapAt(map, moment.Snapshot);
        List<HistoryEntry> expected = model.Expected(map, moment);
        var direction = (Direction)random.Next(2);
        if (direction == Direction.Descending) expected.Reverse();
        string what = $"pages of map {map}, {direction}, at {moment}";
        var request = new PageRequest(shown, [], [], RangeBounds.FromInclusive, direction, long.MaxValue, PageBytes, moment.Snapshot);
        var reader = new PageReader(request, CancellationToken.None);
        Task<EntryPage?> read = reader.ReadAsync();
        try
        {
            int count = 0;
            while (Await(read, scheduler) is { } page)
            {
                read = reader.ReadAsync();
                model.Tally.Steps += page.Count;
                foreach (PageEntry entry in page) CheckEntry(entry.Key.Span, entry.Value.Span, expected, count++, what);
                if (random.Next(10) == 0) return;
            }

            if (count != expected.Count) throw new HistoryViolationException($"{what}: {count} entries, expected {expected.Count}");
        }
        finally
        {
            while (!read.IsCompleted) scheduler.SpinOnce();
            reader.Close();
        }
    }

    private void CheckMany(ReadOnlySpan<(int Map, int Key)> asked, HistoryMoment moment)
    {
        using MultiGet gets = database.CreateMultiGet();
        foreach ((int map, int key) in asked) gets.Add(MapAt(map, moment.Snapshot), model.Options.Keys[key]);
        gets.Run(moment.Snapshot);
        model.Tally.Gets += asked.Length;
        for (int i = 0; i < asked.Length; i++)
        {
            bool isPresent = gets.TryGetValue(i, out ReadOnlySpan<byte> value);
            (int map, int key) = asked[i];
            string what = $"multi-get of {asked.Length}: key {key} ({Show(model.Options.Keys[key])}) in map {map} at {moment}";
            CheckValue(isPresent, value, model.ExpectedEntry(map, key, moment), what);
        }
    }

    private void CheckKeysOnly(SortedMap map, List<HistoryEntry> expected, Snapshot? snapshot)
    {
        int count = expected.Count;
        foreach (ReadOnlySpan<byte> key in map.All(Direction.Descending, long.MaxValue, snapshot).Keys)
        {
            if (--count < 0 || !key.SequenceEqual(expected[count].Key))
                throw new HistoryViolationException($"keys of '{map.Name}' backward: {Show(key)} is in the place of entry {count}");
        }

        model.Tally.Steps += expected.Count;
        if (count != 0) throw new HistoryViolationException($"keys of '{map.Name}' backward lack {count} of {expected.Count}");
    }

    private static EntryPage? Await(Task<EntryPage?> read, Scheduler scheduler)
    {
        while (!read.IsCompleted) scheduler.SpinOnce();
        return read.GetAwaiter().GetResult();
    }

    private static void CheckValue(bool isPresent, ReadOnlySpan<byte> value, HistoryEntry? expected, string what)
    {
        if (isPresent == expected is not null && (expected is not { } entry || value.SequenceEqual(entry.Value))) return;
        string shown = isPresent ? Show(value) : "absent";
        throw new HistoryViolationException($"{what}: {shown}, expected {(expected is { } wanted ? Show(wanted.Value) : "absent")}");
    }
}
