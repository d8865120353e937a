using Varve.Idempotency;

namespace Varve.Mcp;

/// <summary>Where and how calls are journaled.</summary>
public sealed class McpJournalOptions
{
    /// <summary>
    /// The directory of the database; it is created where there is none. Several processes may have the same one: see docs/sharing.md. Not
    /// needed where the program has a <see cref="Database"/> or an <see cref="Sharing.ISharedStore"/> among its services: then the journal
    /// is kept there.
    /// </summary>
    public string? DataDirectory { get; set; }

    /// <summary>The engine's options for <see cref="DataDirectory"/>.</summary>
    public DatabaseOptions Database { get; set; } = new();

    /// <summary>The journal's.</summary>
    public JournalOptions Journal { get; set; } = new();
}
