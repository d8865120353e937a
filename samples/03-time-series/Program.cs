// Two shapes of time: measurements by sensor and time, and events by UUIDv7, whose ids are times themselves.
using Varve;
using Varve.Samples;

return Sample.Run(directory =>
{
    using Database database = Database.Open(directory);
    var midnight = new DateTime(2026, 6, 1, 0, 0, 0, DateTimeKind.Utc);

    SortedMap<(string Sensor, DateTime Time), double> readings =
        database.GetMap("readings", KeyCodec.Tuple<string, DateTime>(), ValueCodec.For<double>());

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

    DateTime noon = midnight.AddHours(12);
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

    // Events have no other name than their id. Ids of one process ascend, also within a millisecond.
    SortedMap<Guid, string> events = database.GetMap<Guid, string>("events");
    var clock = new TestClock(new DateTimeOffset(midnight));
    var ids = new UuidV7Generator(clock);
    for (int second = 0; second < 600; second++)
    {
        clock.Now = new DateTimeOffset(midnight).AddSeconds(second);
        events.Put(ids.Next(), $"first of second {second}", Durability.Buffered);
        events.Put(ids.Next(), $"second of second {second}", Durability.Buffered);
    }

    (Guid start, Guid end) = UuidV7.Bounds(new DateTimeOffset(midnight).AddSeconds(60), new DateTimeOffset(midnight).AddSeconds(120));
    Sample.Check("events of the second minute", events.Range(start, end).Count(), 120);
    Sample.Check("its last event", events.Range(start, end, Direction.Descending, limit: 1).Single().Value, "second of second 119");
    UuidV7.TryGetTime(events.All(limit: 1).Single().Key, out DateTimeOffset first);
    Sample.Check("the first event was at", first, new DateTimeOffset(midnight));
});

/// <summary>A clock that the sample sets, so that it does not take ten minutes.</summary>
internal sealed class TestClock(DateTimeOffset now) : TimeProvider
{
    public DateTimeOffset Now { get; set; } = now;

    public override DateTimeOffset GetUtcNow() => Now;
}
