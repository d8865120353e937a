namespace Varve.Sharing;

/// <summary>
/// The internal maps in which sharing keeps rows: the same names as in <c>InternalMaps</c>, which this folder must not use.
/// </summary>
internal static class SharedMaps
{
    /// <summary>Leases: docs/formats/sharing.md.</summary>
    public const string Sessions = "$varve/sessions";

    /// <summary>Ids of batches: docs/formats/sharing.md.</summary>
    public const string Expiry = "$varve/expiry";
}
