namespace Varve.Mcp.Messages;

/// <summary>The revisions of the protocol that are served.</summary>
/// <remarks>Two eras: sessions that begin with initialize ("legacy"), and requests that each carry their own context ("modern").</remarks>
internal static class ProtocolRevisions
{
    public const string Modern = "2026-07-28";

    public static readonly string[] All = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", Modern];

    public static readonly string[] ModernOnly = [Modern];

    public static bool IsKnown(string revision) => Array.IndexOf(All, revision) >= 0;

    /// <summary>Dates compare as text; a later revision that is unknown here is of the modern era too.</summary>
    public static bool IsModern(string? revision) => !string.IsNullOrEmpty(revision) && string.CompareOrdinal(revision, Modern) >= 0;
}
