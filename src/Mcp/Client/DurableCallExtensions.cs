using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Calls;

namespace Varve.Mcp;

/// <summary>Calls that survive lost answers: for clients of servers that journal calls.</summary>
public static class DurableCallExtensions
{
    /// <summary>
    /// Calls a tool with an idempotency key, and again with the same key until an answer comes: the tool takes effect once, however often
    /// it was asked.
    /// </summary>
    /// <param name="client">The client.</param>
    /// <param name="toolName">The tool.</param>
    /// <param name="arguments">Its arguments; null: none.</param>
    /// <param name="options">How; default: the defaults of <see cref="DurableCallOptions"/>.</param>
    /// <param name="cancellation">Ends the wait; the call may still take effect.</param>
    /// <returns>The result, which may be an error of the tool.</returns>
    /// <exception cref="McpProtocolException">The server refuses the call.</exception>
    /// <exception cref="TimeoutException">No answer within <see cref="DurableCallOptions.Patience"/>.</exception>
    public static async Task<CallToolResult> CallDurablyAsync(
        this McpClient client, string toolName, IReadOnlyDictionary<string, object?>? arguments = null,
        DurableCallOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentException.ThrowIfNullOrEmpty(toolName);
        options ??= new DurableCallOptions();
        var request = new CallToolRequestParams
        {
            Name = toolName,
            Arguments = arguments?.ToDictionary(
                argument => argument.Key, argument => JsonSerializer.SerializeToElement(argument.Value, McpJsonUtilities.DefaultOptions)),
            Meta = new JsonObject { [IdempotencyKeys.MetaKey] = options.Key ?? Guid.NewGuid().ToString("N") },
        };
        long started = options.TimeProvider.GetTimestamp();
        TimeSpan delay = options.FirstDelay;
        while (true)
        {
            Exception lost;
            try
            {
                return await client.CallToolAsync(request, cancellation).ConfigureAwait(false);
            }
            catch (Exception failure) when (IsLost(failure, cancellation))
            {
                lost = failure;
            }

            if (options.TimeProvider.GetElapsedTime(started) + delay > options.Patience)
                throw new TimeoutException($"No answer of '{toolName}' within {options.Patience}.", lost);
            await Task.Delay(delay, options.TimeProvider, cancellation).ConfigureAwait(false);
            delay = delay * 2 < options.DelayMax ? delay * 2 : options.DelayMax;
            if (options.Reconnect is not null) client = await options.Reconnect(client, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>No answer came: whether the call took effect is unknown. What the server answers is an answer.</summary>
    private static bool IsLost(Exception failure, CancellationToken cancellation) => failure switch
    {
        McpProtocolException => false,
        OperationCanceledException => !cancellation.IsCancellationRequested,
        HttpRequestException or IOException or McpException or InvalidOperationException => true,
        _ => false,
    };
}

/// <summary>How <see cref="DurableCallExtensions.CallDurablyAsync"/> goes about it.</summary>
public sealed class DurableCallOptions
{
    /// <summary>The idempotency key, 1 to 128 printable ASCII characters without spaces; null: a new random one.</summary>
    public string? Key { get; init; }

    /// <summary>How long it is tried; default 5 minutes.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The wait before the second try; doubles with each further one. Default 200 ms.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Where the wait stops to double; default 5 s.</summary>
    public TimeSpan DelayMax { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Gives a connected client before each further try: for transports whose connection ends with the server's process, as stdio's does.
    /// Null: the same client is used again.
    /// </summary>
    public Func<McpClient, CancellationToken, Task<McpClient>>? Reconnect { get; init; }

    /// <summary>Clock of the waits; default: the system's.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
