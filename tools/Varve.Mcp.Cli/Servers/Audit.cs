using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Idempotency;

namespace Varve.Mcp.Cli.Servers;

/// <summary>On a tool's method: each call is recorded in an audit log, with its inputs and what became of it.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class AuditedAttribute(string log) : Attribute
{
    public string Log { get; } = log;
}

/// <summary>
/// Writes audit logs: a map <c>audit:{log}</c> each, its keys in the order of time. A failure to do so never fails the tool.
/// </summary>
internal sealed partial class Audit(TimeProvider time, ILogger<Audit> logger)
{
    private const string MapPrefix = "audit:";

    private readonly UuidV7Generator _keys = new(time);
    private readonly ConditionalWeakTable<InvocationContext, ConcurrentDictionary<string, int>> _writes = [];

    public static string MapOf(string log) => MapPrefix + log;

    /// <summary>The filter behind <see cref="AuditedAttribute"/>; its write comes before the outcome of the call is kept.</summary>
    public static McpRequestHandler<CallToolRequestParams, CallToolResult> Around(
        McpRequestHandler<CallToolRequestParams, CallToolResult> next) => async (request, cancellation) =>
    {
        var tool = request.MatchedPrimitive as McpServerTool;
        if (tool?.Metadata.OfType<AuditedAttribute>().FirstOrDefault() is not { } audited) return await next(request, cancellation);
        Audit audit = request.Services!.GetRequiredService<Audit>();
        DurableContext context = request.Services!.GetRequiredService<DurableContext>();
        JsonObject entry = audit.Begin(request.Params);
        long started = audit.Timestamp;
        try
        {
            CallToolResult result = await next(request, cancellation);
            await audit.EndAsync(context, audited.Log, entry, started, result);
            return result;
        }
        catch (Exception failure)
        {
            await audit.EndAsync(context, audited.Log, entry, started, failure);
            throw;
        }
    };

    /// <summary>Adds an entry, once in all runs of the call.</summary>
    /// <param name="context">The call.</param>
    /// <param name="log">The log's name.</param>
    /// <param name="fields">What it says; the time is put in front where it is not there.</param>
    public async Task WriteAsync(DurableContext context, string log, JsonObject fields)
    {
        int number = _writes.GetOrCreateValue(context.Invocation).AddOrUpdate(log, 1, static (_, last) => last + 1);
        try
        {
            if (!fields.ContainsKey("timestamp")) fields.Insert(0, "timestamp", time.GetUtcNow().ToUnixTimeMilliseconds());
            byte[] entry = JsonSerializer.SerializeToUtf8Bytes(fields, ServerJson.TypeOf<JsonObject>());
            string key = _keys.Next().ToString();
            await context.Map(MapOf(log)).Idempotently($"audit:{log}:{number}").InsertAsync(key, entry);
        }
        catch (Exception failure)
        {
            LogUnwritten(logger, failure, log);
        }
    }

    private long Timestamp => time.GetTimestamp();

    private JsonObject Begin(CallToolRequestParams call)
    {
        JsonObject inputs = [];
        foreach ((string name, JsonElement value) in call.Arguments ?? new Dictionary<string, JsonElement>())
            inputs[name] = NodeOf(value);
        return new JsonObject
        {
            ["timestamp"] = time.GetUtcNow().ToUnixTimeMilliseconds(),
            ["tool"] = call.Name,
            ["inputs"] = inputs,
        };
    }

    private Task EndAsync(DurableContext context, string log, JsonObject entry, long started, CallToolResult result)
    {
        bool isError = result.IsError == true;
        SetEnd(entry, started, !isError);
        if (isError) entry["error"] = string.Join('\n', result.Content.OfType<TextContentBlock>().Select(block => block.Text));
        else if (result.StructuredContent is { } outputs) entry["outputs"] = NodeOf(outputs);
        return WriteAsync(context, log, entry);
    }

    private Task EndAsync(DurableContext context, string log, JsonObject entry, long started, Exception failure)
    {
        SetEnd(entry, started, hasSucceeded: false);
        entry["error"] = $"{failure.GetType().Name}: {failure.Message}";
        return WriteAsync(context, log, entry);
    }

    private static JsonNode? NodeOf(JsonElement value) => JsonSerializer.SerializeToNode(value, ServerJson.TypeOf<JsonElement>());

    private void SetEnd(JsonObject entry, long started, bool hasSucceeded)
    {
        entry["success"] = hasSucceeded;
        entry["duration_seconds"] = Math.Round(time.GetElapsedTime(started).TotalSeconds, 3);
    }

    [LoggerMessage(1, LogLevel.Error, "An entry of the audit log '{Log}' could not be written.")]
    private static partial void LogUnwritten(ILogger logger, Exception failure, string log);
}
