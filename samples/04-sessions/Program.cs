// Sessions of a web site as JSON, with their end in a map of its own, so that what is over is found without looking at the rest.
using System.Text.Json.Serialization;
using Varve;
using Varve.Samples;

return Sample.Run(directory =>
{
    using Database database = Database.Open(directory);
    var sessions = new Sessions(database, lifetime: TimeSpan.FromMinutes(20));
    var start = new DateTimeOffset(2026, 6, 1, 8, 0, 0, TimeSpan.Zero);

    Guid ada = sessions.Begin("ada", start);
    Guid ben = sessions.Begin("ben", start.AddMinutes(5));
    sessions.Change(ada, start.AddMinutes(10), session => session with { Basket = [.. session.Basket, "tea", "cup"] });

    Sample.Check("ada's basket", string.Join(", ", sessions.Find(ada, start.AddMinutes(11))!.Basket), "tea, cup");
    Sample.Check("ben at 8:24", sessions.Find(ben, start.AddMinutes(24))?.User, "ben");
    Sample.Check("ben at 8:25", sessions.Find(ben, start.AddMinutes(25))?.User, null);

    Sample.Check("sessions over at 8:26", sessions.RemoveEnded(start.AddMinutes(26)), 1);
    Sample.Check("sessions over at 8:26, asked again", sessions.RemoveEnded(start.AddMinutes(26)), 0);
    Sample.Check("ada is still there", sessions.Find(ada, start.AddMinutes(26))?.User, "ada");
    Sample.Check("sessions over at 9:00", sessions.RemoveEnded(start.AddMinutes(60)), 1);
    Sample.Check("sessions left", sessions.Count, 0);
});

internal sealed record Session(string User, DateTimeOffset Ends, string[] Basket);

[JsonSerializable(typeof(Session))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class SessionJson : JsonSerializerContext;

internal sealed class Sessions(Database database, TimeSpan lifetime)
{
    private readonly SortedMap<Guid, Session> _sessions = database.GetMap<Guid, Session>("sessions", SessionJson.Default.Session);

    private readonly SortedMap<(DateTimeOffset Ends, Guid Id), bool> _ends =
        database.GetMap("session ends", KeyCodec.Tuple<DateTimeOffset, Guid>(), ValueCodec.For<bool>());

    private readonly Lock _changing = new();

    public int Count => _sessions.All().Count();

    public Guid Begin(string user, DateTimeOffset now)
    {
        Guid id = UuidV7.Next();
        var session = new Session(user, now + lifetime, []);
        using WriteBatch batch = database.CreateBatch();
        batch.Put(_sessions, id, session);
        batch.Put(_ends, (session.Ends, id), true);

        // A session is no order: that it survives the process is enough.
        database.Write(batch, Durability.Buffered);
        return id;
    }

    public Session? Find(Guid id, DateTimeOffset now) => _sessions.TryGet(id, out Session? session) && session.Ends > now ? session : null;

    /// <summary>A visit: changes the session and begins its lifetime anew.</summary>
    public bool Change(Guid id, DateTimeOffset now, Func<Session, Session> change)
    {
        lock (_changing)
        {
            if (Find(id, now) is not { } old) return false;
            Session changed = change(old) with { Ends = now + lifetime };
            using WriteBatch batch = database.CreateBatch();
            batch.Put(_sessions, id, changed);
            batch.Delete(_ends, (old.Ends, id));
            batch.Put(_ends, (changed.Ends, id), true);
            database.Write(batch, Durability.Buffered);
            return true;
        }
    }

    /// <summary>Removes what is over: as much work as there are such sessions, however many live on.</summary>
    public int RemoveEnded(DateTimeOffset now)
    {
        lock (_changing)
        {
            int count = 0;
            using WriteBatch batch = database.CreateBatch();
            foreach (Entry<(DateTimeOffset Ends, Guid Id), bool> entry in _ends.Before((now.AddTicks(1), Guid.Empty)))
            {
                batch.Delete(_ends, entry.Key);
                batch.Delete(_sessions, entry.Key.Id);
                count++;
            }

            database.Write(batch, Durability.Buffered);
            return count;
        }
    }
}
