namespace Varve.Mcp;

/// <summary>How a server over stdio behaves.</summary>
public sealed class McpStdioOptions
{
    /// <summary>How long calls may go on after the client closed its end, before they are cancelled. Default 4 s.</summary>
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(4);

    /// <summary>How long after that the process may still be there, whatever hangs; null: as long as its end takes.</summary>
    internal TimeSpan? ExitTimeout { get; set; }
}
