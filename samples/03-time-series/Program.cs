// Two shapes of time: measurements by sensor and time, and events by UUIDv7, whose ids are times themselves. History is filled in past the
// log, what is too old goes by range deletes.
using Varve;
using Varve.Samples;

return Sample.Run(directory =>
{
    using Database database = Database.Open(directory);
    var midnight = new DateTime(2026, 6, 1, 0, 0, 0, DateTimeKind.Utc);
    DateTime noon = midnight.AddHours(12);

    SortedMap<(string Sensor, DateTime Time), double> readings =
        database.GetMap("readings", KeyCodec.Tuple<string, DateTime>(), ValueCodec.For<double>());

    // The day before, from a file: sorted, so it goes straight to tables, and is there as a whole or not at all.
    using (IngestWriter ingest = database.CreateIngest())
    {
        foreach (string sensor in (string[])["cellar", "roof"])
        {
            for (int minute = -24 * 60; minute < 0; minute++) ingest.Add(readings, (sensor, midnight.AddMinutes(minute)), 15);
        }

        ingest.Commit();
        Sample.Check("filled in", ingest.Count, 2 * 24 * 60);
    }

    // A day of two sensors, a reading a minute. One batch an hour; the last one is synced, and with it all before it.
    using (WriteBatch batch = database.CreateBatch())
    {
        for (int hour = 0; hour < 24; hour++)
        {
            batch.Clear();
            for (int minute = 60 * hour; minute < 60 * (hour + 1); minute++)
            {
                batch.Put(readings, ("cellar", midnight.AddMinutes(minute)), 10 + (0.001 * minute));
                batch.Put(readings, ("roof", midnight.AddMinutes(minute)), 20 + (minute % 60));
            }

            database.Write(batch, hour < 23 ? Durability.Buffered : Durability.Synced);
        }
    }

    double average = readings.Range(("roof", noon), ("roof", noon.AddHours(1))).Average(entry => entry.Value);
    Sample.Check("average on the roof from 12 to 13", average, 49.5);

    // The latest values first: the same range, walked down.
    string latest = string.Join(", ", readings.Prefix("cellar", Direction.Descending, limit: 3).Select(entry => $"{entry.Key.Time:HH:mm}"));
    Sample.Check("last readings in the cellar", latest, "23:59, 23:58, 23:57");

    // The last one at or before a moment: one seek, whatever the distance.
    using (Cursor<(string Sensor, DateTime Time), double> cursor = readings.CreateCursor())
    {
        cursor.SeekForPrevious(("cellar", noon.AddSeconds(90)));
        Sample.Check("in the cellar at 12:01:30", Math.Round(cursor.Value, 3), 10.721);
    }

    // Which sensors there are: from each one straight to the first key behind it.
    Sample.Check("sensors", string.Join(", ", Sensors(readings)), "cellar, roof");

    // About how many there are costs no look at an entry; how many exactly looks at the keys alone.
    Sample.Check("about 5,760 readings", Math.Abs(readings.Bytes.EstimateCount() - 5_760) < 600, true);
    Sample.Check("readings", CountKeys(readings.Bytes), 5_760);

    // What is older than noon goes: one small write for each sensor, whatever lies in the range. Space comes back with compaction.
    foreach (string sensor in Sensors(readings)) readings.DeleteRange((sensor, DateTime.MinValue), (sensor, noon));
    Sample.Check("readings since noon", CountKeys(readings.Bytes), 2 * 12 * 60);
    readings.DeletePrefix("cellar");
    Sample.Check("readings without the cellar's", CountKeys(readings.Bytes), 12 * 60);

    // Events have no other name than their id. Ids of one process ascend, also within a millisecond.
    SortedMap<Guid, string> events = database.GetMap<Guid, string>("events");
    var start = new DateTimeOffset(midnight);
    var clock = new SampleClock(start);
    var ids = new UuidV7Generator(clock);
    for (int second = 0; second < 600; second++)
    {
        clock.Now = start.AddSeconds(second);
        events.Put(ids.Next(), $"first of second {second}", Durability.Buffered);
        events.Put(ids.Next(), $"second of second {second}", Durability.Buffered);
    }

    (Guid from, Guid to) = UuidV7.Bounds(start.AddSeconds(60), start.AddSeconds(120));
    Sample.Check("events of the second minute", events.Range(from, to).Count(), 120);
    Sample.Check("its last event", events.Range(from, to, Direction.Descending, limit: 1).Single().Value, "second of second 119");

    // Retention by time works on ids as well.
    events.DeleteRange(Guid.Empty, from);
    UuidV7.TryGetTime(events.All(limit: 1).Single().Key, out DateTimeOffset first);
    Sample.Check("the first event is of", first, start.AddSeconds(60));
});

static List<string> Sensors(SortedMap<(string Sensor, DateTime Time), double> readings)
{
    var sensors = new List<string>();
    using Cursor<(string Sensor, DateTime Time), double> cursor = readings.CreateCursor();
    for (bool stands = cursor.SeekToFirst(); stands; stands = cursor.Seek((sensors[^1], DateTime.MaxValue))) sensors.Add(cursor.Key.Sensor);
    return sensors;
}

static int CountKeys(SortedMap map)
{
    int count = 0;
    foreach (ReadOnlySpan<byte> _ in map.All().Keys) count++;
    return count;
}
