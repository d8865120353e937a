using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Gateway.Pool;

/// <summary>What a worker said of itself.</summary>
/// <param name="Revision">The revision of the protocol that is spoken with it.</param>
/// <param name="Capabilities">What it can do.</param>
internal sealed record Handshake(string Revision, ServerCapabilities Capabilities)
{
    /// <summary>The newest revision of the era of sessions; the server answers with an older one that it knows.</summary>
    private const string LegacyRevision = "2025-11-25";

    /// <summary>How long a server may be silent to what the modern era begins with, before it is taken for one of the other.</summary>
    private static readonly TimeSpan ModernPatience = TimeSpan.FromSeconds(5);

    /// <summary>Asks in the modern way first; servers that do not know it answer with an error, or not at all.</summary>
    /// <param name="peer">The worker.</param>
    /// <param name="isLegacy">Whether it is known to be of the era of sessions, and asked in its way only.</param>
    /// <param name="time">The clock of limits.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="McpProtocolException">It speaks no revision that is known here.</exception>
    public static async Task<Handshake> ShakeAsync(
        WorkerPeer peer, bool isLegacy, TimeProvider time, CancellationToken cancellation) =>
        (isLegacy ? null : await DiscoverAsync(peer, time, cancellation)) ?? await InitializeAsync(peer, cancellation);

    private static async Task<Handshake?> DiscoverAsync(WorkerPeer peer, TimeProvider time, CancellationToken cancellation)
    {
        peer.IsModern = true;
        using CancellationTokenSource patience = new(ModernPatience, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellation);
        try
        {
            JsonNode? result = await peer.SendAsync(RequestMethods.ServerDiscover, null, null, limit.Token);
            DiscoverResult server = Read<DiscoverResult>(result);
            if (server.SupportedVersions.Contains(ProtocolRevisions.Modern))
                return new Handshake(ProtocolRevisions.Modern, server.Capabilities);
        }
        catch (McpProtocolException)
        {
            // It knows no such method, or wants to be initialized first.
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            // It takes no notice of what it does not know.
        }
        peer.IsModern = false;
        return null;
    }

    private static async Task<Handshake> InitializeAsync(WorkerPeer peer, CancellationToken cancellation)
    {
        JsonObject parameters = new()
        {
            ["protocolVersion"] = LegacyRevision,
            ["capabilities"] = new JsonObject(),
            ["clientInfo"] = new JsonObject { ["name"] = RequestWriter.ClientName, ["version"] = RequestWriter.ClientVersion },
        };
        InitializeResult server = Read<InitializeResult>(
            await peer.SendAsync(RequestMethods.Initialize, parameters, null, cancellation));
        if (!ProtocolRevisions.IsKnown(server.ProtocolVersion))
        {
            throw new McpProtocolException(
                $"It speaks revision '{LogText.Of(server.ProtocolVersion)}'.", McpErrorCode.UnsupportedProtocolVersion);
        }
        peer.Notify(NotificationMethods.InitializedNotification);
        return new Handshake(server.ProtocolVersion, server.Capabilities);
    }

    private static T Read<T>(JsonNode? result) =>
        result.Deserialize<T>(McpJsonUtilities.DefaultOptions) ?? throw new JsonException("Its answer is empty.");
}
