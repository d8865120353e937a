namespace Varve.Mcp;

/// <summary>Who may reach a server over Streamable HTTP, and what it keeps for them.</summary>
/// <remarks>
/// Without any setting only programs of this machine reach it: through a loopback name on the server's own port, and no web page of
/// another origin.
/// </remarks>
public sealed class McpHttpOptions
{
    /// <summary>API keys: the caller's name and its secret. Default none: every caller is <c>local</c>.</summary>
    /// <remarks>Sent as <c>Authorization: Bearer</c> or <c>X-API-Key</c>.</remarks>
    public IDictionary<string, string> ApiKeys { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Origins of web pages that may call, as <c>https://app.example</c>. They get CORS headers. Default none.</summary>
    public ISet<string> AllowedOrigins { get; } = new HashSet<string>(StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// Names, as <c>mcp.example</c> or <c>mcp.example:8443</c>, that <c>Host</c> may say. Default none but the loopback names.
    /// </summary>
    public ISet<string> AllowedHosts { get; } = new HashSet<string>(StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// Whether addresses other than loopback may be bound. Needs API keys, and TLS or <see cref="BehindProxy"/>. Default no.
    /// </summary>
    public bool AllowRemote { get; set; }

    /// <summary>
    /// Whether a proxy in front ends TLS. Default no. Forwarded headers are trusted only where the program adds that itself.
    /// </summary>
    public bool BehindProxy { get; set; }

    /// <summary>Whether Kestrel gets the limits of docs/mcp.md; it is the whole program's Kestrel. Default yes.</summary>
    public bool LimitKestrel { get; set; } = true;

    /// <summary>Sessions kept, of revisions before 2026-07-28. Default 10,000; one more ends the one idle for longest.</summary>
    public int SessionsMax { get; set; } = 10_000;

    /// <summary>How long a session that nobody uses is kept. Default 24 h.</summary>
    public TimeSpan SessionIdle { get; set; } = TimeSpan.FromHours(24);

    /// <summary>How long a session that nobody uses is kept ready in memory; afterwards its record remains. Default 5 min.</summary>
    public TimeSpan SessionReadyIdle { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Streams held open for notices, over all clients. Default 256.</summary>
    public int StreamsMax { get; set; } = 256;

    /// <summary>How often an open stream gets a comment, so that a dead connection is noticed. Default 15 s.</summary>
    public TimeSpan Heartbeat { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// Bytes of events kept of one session (in memory: of one stream), so that a client can resume a stream. Default 16 MiB.
    /// </summary>
    public int StreamBytesMax { get; set; } = 16 << 20;

    /// <summary>How long the events of a finished call are kept. Default 1 h.</summary>
    public TimeSpan EventsKept { get; set; } = TimeSpan.FromHours(1);
}
