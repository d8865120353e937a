using ModelContextProtocol.Protocol;

namespace Varve.Mcp.Sessions;

/// <summary>What is kept of a session, so that it can go on where it stopped: revisions before 2026-07-28, over HTTP.</summary>
/// <param name="Id">128 random bits as text; never a means of authentication.</param>
/// <param name="Principal">Who began it; nobody else finds it.</param>
/// <param name="Client">What the client said when it began.</param>
/// <param name="LastUsed">When it was used last, to the minute.</param>
public sealed record SessionRecord(string Id, string Principal, InitializeRequestParams Client, DateTimeOffset LastUsed)
{
    /// <summary>The least level of log messages that the client wants, as the protocol writes it; null where it never said.</summary>
    public string? LogLevel { get; init; }

    /// <summary>The resources whose changes the client wants to hear of.</summary>
    public IReadOnlyCollection<string> Subscriptions { get; init; } = [];
}
