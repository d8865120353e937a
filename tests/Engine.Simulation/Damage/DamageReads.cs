namespace Varve.Simulation;

/// <summary>
/// Reads a database whose files are damaged, in every way there is: each answer is that of the state or a typed error. Where a read met
/// damage, reading goes on behind it.
/// </summary>
/// <param name="database">The database.</param>
/// <param name="state">What must be there.</param>
/// <param name="errors">Takes and checks the typed errors.</param>
internal sealed class DamageReads(Database database, DamageState state, DamageErrors errors)
{
    private static readonly byte[][] AbsentKeys = [[], [.. "key 00"u8], [.. "key 0050x"u8], [.. "z"u8], [0xFF, 0xFF]];

    private readonly byte[] _destination = new byte[32 << 10];

    /// <summary>Every map, now and by a snapshot.</summary>
    public void CheckAll(string? otherName = null)
    {
        string[] names = [.. otherName is null ? state.Names : state.Names.Append(otherName).Order(StringComparer.Ordinal)];
        IReadOnlyList<string> listed = database.ListMaps();
        if (!names.SequenceEqual(listed))
            throw new HistoryViolationException($"maps [{string.Join(", ", listed)}], expected [{string.Join(", ", names)}]");
        using Snapshot snapshot = database.CreateSnapshot();
        foreach (string name in state.Names)
        {
            List<HistoryEntry> expected = state.Entries(name);
            SortedMap map = database.GetMap(name);
            foreach (HistoryEntry entry in expected) CheckGet(map, entry.Key, entry.Value);
            foreach (byte[] key in AbsentKeys) CheckGet(map, key, null);
            CheckTogether(map, expected);
            foreach (Direction direction in (Direction[])[Direction.Ascending, Direction.Descending])
            {
                CheckScan(map, expected, direction, snapshot);
                CheckCursor(map, expected, direction);
            }
        }
    }

    private void CheckGet(SortedMap map, byte[] key, byte[]? expected)
    {
        int length = 0;
        bool isPresent = false;
        if (!errors.Passes(() => isPresent = map.TryGet(key, _destination, out length))) return;
        CheckValue($"get of {Show(key)} in '{map.Name}'", isPresent ? _destination.AsSpan(0, length) : null, isPresent, expected);
    }

    private void CheckTogether(SortedMap map, List<HistoryEntry> expected)
    {
        using MultiGet gets = database.CreateMultiGet();
        foreach (HistoryEntry entry in expected) gets.Add(map, entry.Key);
        foreach (byte[] key in AbsentKeys) gets.Add(map, key);
        if (!errors.Passes(() => gets.Run())) return;
        for (int i = 0; i < gets.Count; i++)
        {
            bool isPresent = gets.TryGetValue(i, out ReadOnlySpan<byte> value);
            bool isExpected = i < expected.Count;
            byte[] key = isExpected ? expected[i].Key : AbsentKeys[i - expected.Count];
            CheckValue($"multi-get of {Show(key)} in '{map.Name}'", value, isPresent, isExpected ? expected[i].Value : null);
        }
    }

    private static void CheckValue(string what, ReadOnlySpan<byte> value, bool isPresent, byte[]? expected)
    {
        if (isPresent == expected is not null && (expected is null || value.SequenceEqual(expected))) return;
        throw new HistoryViolationException(
            $"{what}: {(isPresent ? Show(value) : "absent")}, expected {(expected is null ? "absent" : Show(expected))}");
    }

    /// <summary>By a snapshot, without seeks: what was shown before the damage was met is right, and without damage it is all.</summary>
    private void CheckScan(SortedMap map, List<HistoryEntry> expected, Direction direction, Snapshot snapshot)
    {
        string what = $"scan of '{map.Name}', {direction}";
        int step = direction == Direction.Ascending ? 1 : -1;
        int at = step > 0 ? 0 : expected.Count - 1;
        bool isWhole = errors.Passes(() =>
        {
            foreach (Entry entry in map.All(direction, long.MaxValue, snapshot))
            {
                CheckEntry(what, entry.Key, entry.Value, expected, at);
                at += step;
            }
        });
        if (isWhole && at >= 0 && at < expected.Count)
            throw new HistoryViolationException($"{what} ends before {Show(expected[at].Key)} without an error");
    }

    /// <summary>Where it can be opened: it needs the end of each table of level 0 that shares keys with the map.</summary>
    private void CheckCursor(SortedMap map, List<HistoryEntry> expected, Direction direction)
    {
        Cursor? opened = null;
        if (!errors.Passes(() => opened = map.CreateCursor())) return;
        using (opened) CheckCursor(opened!, map, expected, direction);
    }

    /// <summary>Behind damage it seeks for the next entry that can be read.</summary>
    private void CheckCursor(Cursor cursor, SortedMap map, List<HistoryEntry> expected, Direction direction)
    {
        string what = $"cursor over '{map.Name}', {direction}";
        bool isForward = direction == Direction.Ascending;
        int at = isForward ? 0 : expected.Count - 1;
        bool isValid = false;
        bool hasMoved = errors.Passes(() => isValid = isForward ? cursor.SeekToFirst() : cursor.SeekToLast());
        while (at >= 0 && at < expected.Count)
        {
            byte[] key = expected[at].Key;
            if (!hasMoved) hasMoved = errors.Passes(() => isValid = isForward ? cursor.Seek(key) : cursor.SeekForPrevious(key));
            if (hasMoved)
            {
                if (!isValid) throw new HistoryViolationException($"{what} ends before {Show(key)} without an error");
                CheckKey(what, cursor.Key, expected, at);
                int index = at;
                errors.Passes(() => CheckEntry(what, cursor.Key, cursor.Value, expected, index));
                hasMoved = errors.Passes(() => isValid = isForward ? cursor.Next() : cursor.Previous());
            }

            at += isForward ? 1 : -1;
        }

        if (hasMoved && isValid) throw new HistoryViolationException($"{what} shows {Show(cursor.Key)} behind the last entry");
    }

    private static void CheckEntry(string what, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, List<HistoryEntry> expected, int at)
    {
        CheckKey(what, key, expected, at);
        if (!value.SequenceEqual(expected[at].Value))
            throw new HistoryViolationException($"{what}: {Show(key)} has {Show(value)}, expected {Show(expected[at].Value)}");
    }

    private static void CheckKey(string what, ReadOnlySpan<byte> key, List<HistoryEntry> expected, int at)
    {
        if (at < 0 || at >= expected.Count) throw new HistoryViolationException($"{what} shows {Show(key)} behind the last entry");
        if (!key.SequenceEqual(expected[at].Key))
            throw new HistoryViolationException($"{what} shows {Show(key)}, expected {Show(expected[at].Key)}");
    }

    private static string Show(ReadOnlySpan<byte> bytes) => HistoryReads.Show(bytes);
}
