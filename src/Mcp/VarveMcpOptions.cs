namespace Varve.Mcp;

/// <summary>How MCP servers are hosted. Read once, when the first client comes.</summary>
public sealed class VarveMcpOptions
{
    /// <summary>Bytes of one message, over HTTP and stdio. At least 1 KiB; default 4 MiB.</summary>
    public int MessageBytesMax { get; set; } = 4 << 20;

    /// <summary>Tool calls that run at the same time, over all clients. At least 1; default 64.</summary>
    public int CallsMax { get; set; } = 64;

    /// <summary>Tool calls that wait for one of <see cref="CallsMax"/>; one more is refused as overload. Default 256.</summary>
    public int CallsQueuedMax { get; set; } = 256;

    /// <summary>
    /// How long one tool call may run before it is cancelled; while a durable call's question waits for the client's answer the time stands
    /// still. Default: no limit.
    /// </summary>
    public TimeSpan? CallTimeout { get; set; }

    /// <summary>
    /// Which tools there are for clients: the others are neither listed nor called. Holds for those that are registered before the server
    /// starts. Default all.
    /// </summary>
    public OfferedTools OfferedTools { get; set; }

    /// <summary>Resources that one client may subscribe to. Default 256.</summary>
    public int SubscriptionsMax { get; set; } = 256;

    /// <summary>The least time between two notices of change of one resource. Default 100 ms.</summary>
    public TimeSpan UpdateInterval { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How long clients of revision 2026-07-28 may keep lists and resources. Default zero: they ask again each time.</summary>
    public TimeSpan CacheTimeToLive { get; set; } = TimeSpan.Zero;

    /// <summary>What concerns Streamable HTTP only.</summary>
    public McpHttpOptions Http { get; } = new();

    /// <summary>What concerns stdio only.</summary>
    public McpStdioOptions Stdio { get; } = new();
}
