namespace Varve.Sharing;

/// <summary>
/// The internal maps in which sharing keeps rows beside those of the layers above: <c>InternalMaps</c> has all of them.
/// </summary>
internal static class SharedMaps
{
    /// <summary>Leases: docs/formats/sharing.md.</summary>
    public const string Sessions = "$varve/sessions";

    /// <summary>Ids of batches: docs/formats/sharing.md.</summary>
    public const string Expiry = "$varve/expiry";
}
