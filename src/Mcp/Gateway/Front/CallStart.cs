using System.Security.Claims;
using System.Text.Json.Nodes;

namespace Varve.Mcp.Gateway.Front;

/// <summary>By which way a call came in.</summary>
internal enum CallVia
{
    Mcp,
    Rest,
    Sse,
    WebSocket,
}

/// <summary>A call as it comes in over HTTP or a WebSocket.</summary>
/// <param name="Tool">The tool's name.</param>
/// <param name="Arguments">Its arguments.</param>
/// <param name="User">The caller.</param>
/// <param name="Via">The way in.</param>
internal sealed record CallStart(string Tool, JsonObject Arguments, ClaimsPrincipal User, CallVia Via)
{
    /// <summary>The caller's key; null: none.</summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>Answers to what an earlier call of the same was told to ask; null: none.</summary>
    public JsonObject? InputResponses { get; init; }

    /// <summary>What that earlier call was told to send with them.</summary>
    public string? RequestState { get; init; }

    /// <summary>Whether it is kept in the journal whatever its tool is.</summary>
    public bool IsJournaled { get; init; }
}
