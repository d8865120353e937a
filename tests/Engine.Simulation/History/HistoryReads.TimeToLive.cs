namespace Varve.Simulation;

/// <summary>Reads know their time: that of a snapshot or a cursor is fixed when it is made, any other is that of the read.</summary>
internal sealed partial class HistoryReads
{
    private const int RepetitionsMax = 1_000;

    /// <summary>Of this open.</summary>
    public HistoryTime Time { get; } = new(database.Clock, model, wallMax, isNew);

    /// <summary>
    /// Reads what is visible now. Where time passes during the read, its answers may be of before or after: then it is repeated, and only
    /// an answer of one time counts.
    /// </summary>
    public void AtNow(ulong sequence, Action<HistoryMoment> read)
    {
        for (int repetition = 0; ; repetition++)
        {
            long before = Time.Read();
            try
            {
                read(new HistoryMoment(sequence, before));
                return;
            }
            catch (HistoryViolationException) when (Time.Read() != before && repetition < RepetitionsMax)
            {
                // Only such an answer is no violation.
            }
        }
    }

    /// <summary>A snapshot whose time is known: no time passed while it was taken.</summary>
    public HistoryMoment TakeSnapshot()
    {
        while (true)
        {
            long before = Time.Read();
            Snapshot snapshot = database.CreateSnapshot();
            if (Time.Read() == before) return new HistoryMoment(snapshot.Sequence, before, snapshot);
            snapshot.Dispose();
        }
    }

    /// <summary>A cursor goes on showing what was there when it was made, whatever passes meanwhile.</summary>
    public void CheckHeldCursor(int map, HistoryMoment moment, Action pass)
    {
        List<HistoryEntry> expected = model.Expected(map, moment);
        using Cursor cursor = MapAt(map, moment.Snapshot).CreateCursor(moment.Snapshot);
        if (moment.Snapshot is null && Time.Read() != moment.Milliseconds) return;
        string what = $"held cursor on map {map} at {moment}";
        int count = 0;
        for (bool isValid = cursor.SeekToFirst(); isValid; isValid = cursor.Next())
        {
            CheckEntry(cursor.Key, cursor.Value, expected, count, what);
            CheckMark(cursor.Expiry, cursor.Version, expected[count], what);
            if (count++ == expected.Count / 2) pass();
        }

        if (count != expected.Count) throw new HistoryViolationException($"{what}: {count} entries, expected {expected.Count}");
    }

    private static void CheckMark(DateTimeOffset? expiry, EntryVersion version, in HistoryEntry expected, string what)
    {
        long shown = expiry?.ToUnixTimeMilliseconds() ?? 0;
        if (shown != expected.Expiry)
            throw new HistoryViolationException($"{what}: {Show(expected.Key)} expires at {shown}, expected {expected.Expiry}");
        if (version.Sequence == expected.Version) return;
        throw new HistoryViolationException(
            $"{what}: {Show(expected.Key)} has version {version.Sequence}, expected {expected.Version}");
    }
}
