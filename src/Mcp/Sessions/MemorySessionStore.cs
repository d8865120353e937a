using System.Collections.Concurrent;

namespace Varve.Mcp.Sessions;

/// <summary>Sessions that end with the process.</summary>
internal sealed class MemorySessionStore : ISessionStore
{
    private readonly ConcurrentDictionary<string, SessionRecord> _sessions = new(StringComparer.Ordinal);

    public ValueTask AddAsync(SessionRecord session, CancellationToken cancellation)
    {
        _sessions[session.Id] = session;
        return default;
    }

    public ValueTask<bool> TryReplaceAsync(SessionRecord session, CancellationToken cancellation) =>
        new(_sessions.TryGetValue(session.Id, out SessionRecord? before) && _sessions.TryUpdate(session.Id, session, before));

    public ValueTask<SessionRecord?> FindAsync(string id, CancellationToken cancellation) => new(_sessions.GetValueOrDefault(id));

    public ValueTask RemoveAsync(string id, CancellationToken cancellation)
    {
        _sessions.TryRemove(id, out _);
        return default;
    }

    public ValueTask<IReadOnlyList<string>> ExpireAsync(DateTimeOffset lastUsedBefore, int countMax, CancellationToken cancellation)
    {
        SessionRecord[] newestFirst = [.. _sessions.Values.OrderByDescending(session => session.LastUsed)];
        List<string> ended = [];
        for (int index = 0; index < newestFirst.Length; index++)
        {
            SessionRecord session = newestFirst[index];
            if ((index >= countMax || session.LastUsed < lastUsedBefore) && _sessions.TryRemove(session.Id, out _)) ended.Add(session.Id);
        }
        return new(ended);
    }
}
