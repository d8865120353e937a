using Varve.Sharing;

namespace Varve.Idempotency;

/// <summary>The maps that the journal and the layers above it keep for themselves. Their names begin with <c>$varve/</c>.</summary>
/// <remarks>Tools, resources and listings of a layer above must not name them: <see cref="ThrowIfInternal"/>.</remarks>
public static class InternalMaps
{
    /// <summary>What the names of internal maps begin with.</summary>
    public const string Prefix = "$varve/";

    /// <summary>Sessions of a layer above the journal.</summary>
    public const string Sessions = SharedMaps.Sessions;

    /// <summary>Requests, their state, outcomes and idempotency keys.</summary>
    public const string Invocations = Prefix + "invocations";

    /// <summary>What guards and map writes have done.</summary>
    public const string Steps = Prefix + "steps";

    /// <summary>Events of a layer above the journal.</summary>
    public const string Events = Prefix + "events";

    /// <summary>When what is finished may go.</summary>
    public const string Expiry = SharedMaps.Expiry;

    /// <summary>Whether a map's name is reserved.</summary>
    /// <param name="mapName">The name.</param>
    public static bool IsInternal(string mapName)
    {
        ArgumentNullException.ThrowIfNull(mapName);
        return mapName.StartsWith(Prefix, StringComparison.Ordinal);
    }

    /// <summary>Refuses a map's name that is reserved.</summary>
    /// <param name="mapName">The name.</param>
    /// <exception cref="ArgumentException">The name begins with <c>$varve/</c>.</exception>
    public static void ThrowIfInternal(string mapName)
    {
        if (!IsInternal(mapName)) return;
        throw new ArgumentException(
            $"The map '{mapName}' cannot be used: names that begin with '{Prefix}' are those of internal maps.", nameof(mapName));
    }
}
