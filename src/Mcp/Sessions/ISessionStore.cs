namespace Varve.Mcp.Sessions;

/// <summary>
/// Where sessions are kept. Any thread may call anything. Register one before <c>AddVarveMcp</c> to replace the one in memory.
/// </summary>
public interface ISessionStore
{
    /// <summary>Adds a session that has begun; when it returns, the session is kept.</summary>
    /// <param name="session">The session.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>When it is kept.</returns>
    ValueTask AddAsync(SessionRecord session, CancellationToken cancellation);

    /// <summary>Changes what is kept of a session.</summary>
    /// <param name="session">The session.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>False where it has ended: then it stays so.</returns>
    ValueTask<bool> TryReplaceAsync(SessionRecord session, CancellationToken cancellation);

    /// <summary>Finds one.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>The session, or null.</returns>
    ValueTask<SessionRecord?> FindAsync(string id, CancellationToken cancellation);

    /// <summary>Ends one; an absent one is ignored.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>When it is gone.</returns>
    ValueTask RemoveAsync(string id, CancellationToken cancellation);

    /// <summary>Ends those that were last used before a moment, and the least recently used beyond a count.</summary>
    /// <param name="lastUsedBefore">The moment.</param>
    /// <param name="countMax">How many may remain.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>The ids of those that ended.</returns>
    ValueTask<IReadOnlyList<string>> ExpireAsync(DateTimeOffset lastUsedBefore, int countMax, CancellationToken cancellation);
}
