using Varve.Entries;
using Varve.Reading;

namespace Varve.Simulation;

/// <summary>Reads a database in every way there is, and holds the answers against the model.</summary>
/// <param name="database">Just opened.</param>
/// <param name="model">What it must hold.</param>
/// <param name="wallMax">The most that the clocks of earlier opens have shown; 0: not known, or there was none.</param>
/// <param name="isNew">Perhaps no open has left a time.</param>
internal sealed partial class HistoryReads(Database database, HistoryModel model, long wallMax = 0, bool isNew = false)
{
    private readonly byte[] _destination = new byte[32 << 10];

    /// <summary>
    /// Finds the batches that nobody has an answer for in what is visible at a sequence, and tells the model. One whose outcome is
    /// unknown is not shown before the next open.
    /// </summary>
    public void Resolve(ulong visibleSequence, bool isAfterOpen = false)
    {
        SortedMap journal = database.GetMap(HistoryModel.JournalName);
        foreach (HistoryBatch batch in model.Unresolved.ToArray())
        {
            if (!TryFindSequence(journal, batch.JournalKey, visibleSequence, out ulong sequence)) continue;
            if (batch.IsOutcomeUnknown && !isAfterOpen)
                throw new HistoryViolationException($"batch {batch.Number} is shown, though its outcome is unknown");
            model.Resolve(batch, sequence);
        }
    }

    /// <summary>The sequence of the last batch that the journal shows, in a database that was just opened.</summary>
    public ulong FindLastSequence()
    {
        Resolve(database.LatestSequence, isAfterOpen: true);
        ulong last = 0;
        foreach (Entry entry in database.GetMap(HistoryModel.JournalName).All())
        {
            model.Tally.Checked++;
            int number = FindBatch(entry.Key);
            HistoryBatch batch = model.Batches[number];
            if (batch.IsDead || batch.Sequence == 0)
                throw new HistoryViolationException($"batch {number} is there, which was refused or lost before");
            last = Math.Max(last, batch.Sequence);
        }

        return last;
    }

    /// <summary>Every map forward, backward and key by key, and the names of the maps; at this moment.</summary>
    public void CheckAll(ulong sequence, string[]? otherNames = null) => AtNow(sequence, moment => CheckAll(moment, otherNames));

    /// <summary>As the other, at a moment.</summary>
    public void CheckAll(in HistoryMoment moment, string[]? otherNames = null)
    {
        HistoryTally before = model.Tally with { };
        List<string> names = model.ExpectedNames(moment.Sequence);
        names.AddRange(otherNames ?? []);
        names.Sort(StringComparer.Ordinal);
        IReadOnlyList<string> listed = moment.Snapshot is null ? database.ListMaps() : moment.Snapshot.ListMaps();
        if (!names.SequenceEqual(listed))
        {
            throw new HistoryViolationException($"maps [{string.Join(", ", listed)}], expected [{string.Join(", ", names)}]");
        }

        CheckMap(database.GetMap(HistoryModel.JournalName), model.ExpectedJournal(moment.Sequence), moment.Snapshot);
        for (int map = 0; map < model.Options.MapNames.Length; map++)
        {
            CheckMap(MapAt(map, moment.Snapshot), model.Expected(map, moment), moment.Snapshot);
            for (int key = 0; key < model.Options.Keys.Length; key++) CheckGet(map, key, moment);
            CheckMany([.. Enumerable.Range(0, model.Options.Keys.Length).Select(key => (map, key))], moment);
        }

        model.Tally.CountAsChecked(before);
    }

    /// <summary>One map, either way, and its keys alone.</summary>
    public void CheckMapAt(int map, ulong sequence) =>
        AtNow(sequence, moment => CheckMap(MapAt(map, null), model.Expected(map, moment), null));

    public void CheckJournal(ulong sequence) =>
        CheckMap(database.GetMap(HistoryModel.JournalName), model.ExpectedJournal(sequence), null);

    public void CheckGet(int map, int key, in HistoryMoment moment)
    {
        model.Tally.Gets += 2;
        SortedMap shown = MapAt(map, moment.Snapshot);
        HistoryEntry? expected = model.ExpectedEntry(map, key, moment);
        byte[] bytes = model.Options.Keys[key];
        bool isPresent = shown.TryGet(bytes, _destination, out int length, out EntryVersion version, moment.Snapshot);
        string what = $"get of key {key} ({Show(bytes)}) in map {map} at {moment}";
        CheckValue(isPresent, isPresent ? _destination.AsSpan(0, length) : [], expected, what);
        if (shown.TryGetExpiry(bytes, out DateTimeOffset? expiry, moment.Snapshot) != isPresent)
            throw new HistoryViolationException($"{what}: a value is {(isPresent ? "" : "not ")}there, an expiry otherwise");
        if (expected is { } entry) CheckMark(expiry, version, entry, what);
        else if (version != EntryVersion.None || expiry is not null)
            throw new HistoryViolationException($"{what}: absent, but version {version.Sequence} and expiry {expiry}");
    }

    /// <summary>A part of a map: by bounds or a prefix, either way, perhaps with a limit.</summary>
    public void CheckRange(Random random, int map, HistoryMoment moment)
    {
        Snapshot? snapshot = moment.Snapshot;
        SortedMap shown = MapAt(map, snapshot);
        byte[] start = DrawKey(random);
        byte[] end = DrawKey(random);
        long limit = random.Next(2) == 0 ? long.MaxValue : random.Next(0, 6);
        var direction = (Direction)random.Next(2);
        int kind = random.Next(3);
        IEnumerable<HistoryEntry> expected = model.Expected(map, moment).Where(entry => kind switch
        {
            0 => Compare(entry.Key, start) >= 0 && (end.Length == 0 || Compare(entry.Key, end) < 0),
            1 => (start.Length == 0 || Compare(entry.Key, start) <= 0) && (end.Length == 0 || Compare(entry.Key, end) > 0),
            _ => entry.Key.AsSpan().StartsWith(start),
        });
        EntryRange range = kind switch
        {
            0 => shown.Range(start, end, direction, limit, snapshot),
            1 => shown.ReverseRange(start, end, limit, snapshot),
            _ => shown.Prefix(start, direction, limit, snapshot),
        };
        bool isDescending = kind == 1 || direction == Direction.Descending;
        List<HistoryEntry> wanted = [.. (isDescending ? expected.Reverse() : expected).Take((int)Math.Min(limit, int.MaxValue))];
        string what = $"part {kind} of map {map} from {Show(start)} to {Show(end)}, {direction}, limit {limit}, at {moment}";
        int count = 0;
        foreach (Entry entry in range) CheckEntry(entry, wanted, count++, what);
        model.Tally.Steps += count;
        if (count != wanted.Count) throw new HistoryViolationException($"{what}: {count} entries, expected {wanted.Count}");
    }

    /// <summary>A cursor that changes its direction as it likes.</summary>
    public void CheckWalk(Random random, int map, HistoryMoment moment)
    {
        Snapshot? snapshot = moment.Snapshot;
        SortedMap shown = MapAt(map, snapshot);
        List<HistoryEntry> expected = model.Expected(map, moment);
        using Cursor cursor = shown.CreateCursor(snapshot);
        int at = -1;
        for (int step = random.Next(5, 25); step > 0; step--)
        {
            bool isOnEntry = at >= 0 && at < expected.Count;
            int move = random.Next(isOnEntry ? 12 : 4);
            byte[] key = DrawKey(random);
            at = move switch
            {
                0 => expected.FindIndex(entry => Compare(entry.Key, key) >= 0),
                1 => expected.FindLastIndex(entry => Compare(entry.Key, key) <= 0),
                2 => expected.Count == 0 ? -1 : 0,
                3 => expected.Count - 1,
                < 8 => at + 1,
                _ => at - 1,
            };
            model.Tally.Steps++;
            bool isValid = move switch
            {
                0 => cursor.Seek(key),
                1 => cursor.SeekForPrevious(key),
                2 => cursor.SeekToFirst(),
                3 => cursor.SeekToLast(),
                < 8 => cursor.Next(),
                _ => cursor.Previous(),
            };
            string what = $"cursor on map {map} at {moment}, move {move}, key {Show(key)}";
            if (isValid != (at >= 0 && at < expected.Count) || cursor.IsValid != isValid)
            {
                string stands = isValid ? "on " + Show(cursor.Key) : "on no entry";
                throw new HistoryViolationException($"{what}: {stands}, expected entry {at} of {expected.Count}");
            }

            if (!isValid) continue;
            CheckEntry(cursor.Key, cursor.Value, expected, at, what);
            CheckMark(cursor.Expiry, cursor.Version, expected[at], what);
        }
    }

    /// <summary>A map by its name: of now, or as the snapshot knows it, where it may have been dropped since.</summary>
    private SortedMap MapAt(int map, Snapshot? snapshot)
    {
        string name = model.Options.MapNames[map];
        return snapshot?.GetMap(name) ?? database.GetMap(name);
    }

    private void CheckMap(SortedMap map, List<HistoryEntry> expected, Snapshot? snapshot)
    {
        int count = 0;
        foreach (Entry entry in map.All(Direction.Ascending, long.MaxValue, snapshot))
            CheckEntry(entry, expected, count++, map.Name);
        model.Tally.Steps += 2 * count;
        if (count != expected.Count)
            throw new HistoryViolationException($"'{map.Name}' shows {count} of {expected.Count}, lacks {Show(expected[count].Key)}");
        foreach (Entry entry in map.All(Direction.Descending, long.MaxValue, snapshot))
            CheckEntry(entry, expected, --count, map.Name + " backward");
        if (count != 0) throw new HistoryViolationException($"'{map.Name}' backward lacks {count} of {expected.Count} entries");
        CheckKeysOnly(map, expected, snapshot);
    }

    private static void CheckEntry(in Entry entry, List<HistoryEntry> expected, int index, string what)
    {
        CheckEntry(entry.Key, entry.Value, expected, index, what);
        CheckMark(entry.Expiry, entry.Version, expected[index], what);
    }

    private static void CheckEntry(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, List<HistoryEntry> expected, int index, string what)
    {
        if (index < 0 || index >= expected.Count)
            throw new HistoryViolationException($"{what}: entry {index} of {expected.Count} is {Show(key)}, which should not be there");
        if (!key.SequenceEqual(expected[index].Key))
        {
            string wanted = Show(expected[index].Key);
            throw new HistoryViolationException($"{what}: entry {index} of {expected.Count} is {Show(key)}, expected {wanted}");
        }


        if (!value.SequenceEqual(expected[index].Value))
            throw new HistoryViolationException($"{what}: {Show(key)} has {Show(value)}, expected {Show(expected[index].Value)}");
    }

    // No public read tells a version's sequence.
    private bool TryFindSequence(SortedMap map, byte[] key, ulong visibleSequence, out ulong sequence)
    {
        ReadView view = database.Views.Pin();
        try
        {
            using var full = new FullKey(map.Identity, key, stackalloc byte[FullKey.StackBytes]);
            sequence = 0;
            if (!PointLookup.TryFind(view, full.Span, visibleSequence, out FoundEntry found)) return false;
            sequence = Trailer.Sequence(found.Trailer);
            found.Dispose();
            return true;
        }
        finally
        {
            view.Release();
        }
    }

    private int FindBatch(ReadOnlySpan<byte> journalKey)
    {
        int number = journalKey.Length == sizeof(int) ? System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(journalKey) : -1;
        if (number < 0 || number >= model.Batches.Count)
            throw new HistoryViolationException($"the journal holds {Show(journalKey)}, which nobody wrote");
        return number;
    }

    private byte[] DrawKey(Random random) => model.Options.Keys[random.Next(model.Options.Keys.Length)];

    private static int Compare(byte[] left, byte[] right) => left.AsSpan().SequenceCompareTo(right);

    internal static string Show(ReadOnlySpan<byte> bytes) =>
        bytes.Length > 24 ? $"{Convert.ToHexString(bytes[..24])}…({bytes.Length})" : $"[{Convert.ToHexString(bytes)}]";
}
