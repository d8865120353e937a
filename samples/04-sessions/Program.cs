// Sessions of a web site that end by themselves: a time to live that each visit begins anew, and changes that notice each other.
using System.Text.Json.Serialization;
using Varve;
using Varve.Samples;

return Sample.Run(directory =>
{
    var start = new DateTimeOffset(2026, 6, 1, 8, 0, 0, TimeSpan.Zero);
    var clock = new SampleClock(start);
    using (Database database = Database.Open(directory, new DatabaseOptions { TimeProvider = clock }))
    {
        var sessions = new Sessions(database, lifetime: TimeSpan.FromMinutes(20));
        Guid ada = sessions.Begin("ada");
        clock.Now = start.AddMinutes(5);
        Guid ben = sessions.Begin("ben");

        clock.Now = start.AddMinutes(10);
        sessions.Change(ada, session => session with { Basket = [.. session.Basket, "tea"] });
        Sample.Check("ada's session ends at", $"{sessions.EndOf(ada):HH:mm}", "08:30");

        clock.Now = start.AddMinutes(24);
        Sample.Check("ben at 8:24", sessions.Find(ben)?.User, "ben");
        using Snapshot before = database.CreateSnapshot();
        clock.Now = start.AddMinutes(25);
        Sample.Check("ben at 8:25", sessions.Find(ben)?.User, null);
        Sample.Check("ben at 8:25, seen from 8:24", sessions.Find(ben, before)?.User, "ben");
        Sample.Check("ben comes back", sessions.Change(ben, session => session), false);

        // Two tabs of the same browser: whoever is late sees what the other has done, and adds to that.
        Parallel.Invoke(
            () => sessions.Change(ada, session => session with { Basket = [.. session.Basket, "cup"] }),
            () => sessions.Change(ada, session => session with { Basket = [.. session.Basket, "spoon"] }));
        Sample.Check("ada's basket", string.Join(", ", sessions.Find(ada)!.Basket.Order()), "cup, spoon, tea");
    }

    // Time goes on while the database is closed. What has ended takes space for about an hour more; nobody has to clear it away.
    clock.Now = start.AddMinutes(44);
    using (Database database = Database.Open(directory, new DatabaseOptions { TimeProvider = clock }))
    {
        var sessions = new Sessions(database, lifetime: TimeSpan.FromMinutes(20));
        Sample.Check("sessions at 8:44", string.Join(", ", sessions.Users), "ada");
        clock.Now = start.AddMinutes(45);
        Sample.Check("sessions at 8:45", string.Join(", ", sessions.Users), "");
    }
});

internal sealed record Session(string User, string[] Basket);

[JsonSerializable(typeof(Session))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class SessionJson : JsonSerializerContext;

internal sealed class Sessions(Database database, TimeSpan lifetime)
{
    private readonly SortedMap<Guid, Session> _sessions = database.GetMap<Guid, Session>("sessions", SessionJson.Default.Session);

    public IEnumerable<string> Users => _sessions.All().Select(entry => entry.Value.User);

    public Guid Begin(string user)
    {
        Guid id = UuidV7.Next();

        // A session is no order: that it survives the process is enough.
        _sessions.Put(id, new Session(user, []), lifetime, Durability.Buffered);
        return id;
    }

    public Session? Find(Guid id, Snapshot? moment = null) => _sessions.GetValueOrDefault(id, null, moment);

    public DateTimeOffset? EndOf(Guid id) => _sessions.TryGetExpiry(id, out DateTimeOffset? expiry) ? expiry : null;

    /// <summary>A visit: changes the session and begins its lifetime anew. False where it is over.</summary>
    public bool Change(Guid id, Func<Session, Session> change)
    {
        while (_sessions.TryGet(id, out Session? session, out EntryVersion version))
        {
            // The put happens only if the session is still what was read: not changed by another request, and not over.
            if (_sessions.TryPutIfVersion(id, change(session), version, out _, lifetime, Durability.Buffered)) return true;
        }

        return false;
    }
}
