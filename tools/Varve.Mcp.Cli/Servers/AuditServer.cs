using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Idempotency;
using Varve.Sharing;

namespace Varve.Mcp.Cli.Servers;

internal sealed record AuditedUserResult(string? UserId = null, string? Name = null, string? Email = null) : Outcome;

internal sealed record UpdatedUserResult(string UserId, IReadOnlyList<string> UpdatedFields) : Outcome;

internal sealed record AuditLogResult(string LogName, int Count, IReadOnlyList<JsonElement> Entries) : Outcome;

/// <summary>Audit logs, by an attribute or by hand; read by time in both directions.</summary>
/// <remarks>As in all these servers, parameters are named as they are called in the protocol.</remarks>
[McpServerToolType]
internal sealed class AuditServer(ISharedStore store, Audit audit, Turns turns)
{
    private const string Operations = "user_operations";
    private const string SecurityEvents = "security_events";
    private const string Roles = "roles";
    private const string FirstRole = "user";
    private const int LogNameCharsMax = 60;

    /// <summary>The last millisecond of the year 9999.</summary>
    private const double MillisecondsMax = 253_402_300_799_999;

    [McpServerTool(
        Name = "create_user", Title = "Create a user", Destructive = false, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(AuditedUserResult))]
    [Description("Create a new user. The call is recorded in the audit log user_operations, with its inputs, outputs and duration.")]
    [Audited(Operations)]
    [DurableTool(Recovery = RecoveryMode.Resume)]
    public static CallToolResult CreateUser(
        [Description("The user's name"), MaxLength(Limits.NameChars)] string name,
        [Description("The user's e-mail address"), MaxLength(Limits.AddressChars)] string email)
    {
        int number = int.Parse(StableId.Of(6, name, email), NumberStyles.HexNumber, CultureInfo.InvariantCulture) % 10_000;
        return Reply.Of(new AuditedUserResult($"user_{number}", name, email));
    }

    [McpServerTool(
        Name = "update_user", Title = "Update a user", Destructive = true, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(UpdatedUserResult))]
    [Description("Update a user. The call is recorded in the audit log user_operations; a new role also in security_events.")]
    [Audited(Operations)]
    public async Task<CallToolResult> UpdateUser(
        [Description("The user's id"), MaxLength(Limits.NameChars)] string user_id,
        [Description("The fields to change and their new values; \"role\" is one that matters for security")]
        [ItemLimits(Limits.Members, Limits.LineChars)]
        JsonObject updates,
        DurableContext context,
        CancellationToken cancellation)
    {
        if (updates.TryGetPropertyValue("role", out JsonNode? role))
        {
            string newRole = role?.ToString() ?? "";
            string oldRole = await ChangeRoleAsync(context, user_id, newRole, cancellation);
            await audit.WriteAsync(context, SecurityEvents, new JsonObject
            {
                ["action"] = "role_change",
                ["user_id"] = user_id,
                ["old_role"] = oldRole,
                ["new_role"] = newRole,
                ["severity"] = "medium",
            });
        }

        return Reply.Of(new UpdatedUserResult(user_id, [.. updates.Select(update => update.Key)]));
    }

    [McpServerTool(
        Name = "delete_user", Title = "Delete a user", Destructive = true, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(AuditedUserResult))]
    [Description("Delete a user. The tool writes its own entry into the audit log user_operations: the reason, and how grave it is.")]
    public async Task<CallToolResult> DeleteUser(
        [Description("The user's id"), MaxLength(Limits.NameChars)] string user_id,
        DurableContext context,
        [Description("Why the user is deleted"), MaxLength(Limits.LineChars)] string? reason = null)
    {
        await context.AtLeastOnceAsync("forget_role", step =>
        {
            step.Remove(Roles, user_id);
            return Task.FromResult(user_id);
        });
        await audit.WriteAsync(context, Operations, new JsonObject
        {
            ["action"] = "delete_user",
            ["user_id"] = user_id,
            ["reason"] = string.IsNullOrEmpty(reason) ? "no reason provided" : reason,
            ["severity"] = "high",
            ["status"] = Outcome.SuccessStatus,
        });
        return Reply.Of(new AuditedUserResult(user_id));
    }

    [McpServerTool(
        Name = "get_audit_log", Title = "Read an audit log", ReadOnly = true, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(AuditLogResult))]
    [Description(
        "Read an audit log by time. With begin: from there on, the oldest first. Else the newest first, before end where it is given.")]
    public async Task<CallToolResult> GetAuditLog(
        [Description("The log: user_operations or security_events"), MinLength(1), MaxLength(LogNameCharsMax)] string log_name,
        [Description("Entries from this time on, in milliseconds since 1970"), Range(0, MillisecondsMax)] long? begin = null,
        [Description("Entries before this time, in milliseconds since 1970"), Range(0, MillisecondsMax)] long? end = null,
        [Description("Entries at most"), Range(1, Limits.Entries)] int limit = 100,
        CancellationToken cancellation = default)
    {
        if (begin >= end)
            return Reply.Error(new AuditLogResult(log_name, 0, []) { Message = $"begin ({begin}) must lie before end ({end})." });
        var log = new StoreMap(store, Audit.MapOf(log_name));
        MapPage page = begin is null
            ? await log.ReverseRangeAsync(limit, BoundOf(end), bytesMax: Rows.PageBytesMax, cancellation: cancellation)
            : await log.RangeAsync(limit, BoundOf(begin), BoundOf(end), Rows.PageBytesMax, cancellation);
        JsonElement[] entries = [.. page.Read<JsonElement>()];
        return Reply.Of(new AuditLogResult(log_name, entries.Length, entries));
    }

    /// <summary>Lies before every key of the millisecond and behind those of all earlier ones.</summary>
    private static string? BoundOf(long? milliseconds) =>
        milliseconds is { } known ? UuidV7.First(DateTimeOffset.FromUnixTimeMilliseconds(known)).ToString() : null;

    private Task<string> ChangeRoleAsync(DurableContext context, string userId, string newRole, CancellationToken cancellation) =>
        turns.InAsync(
            Roles,
            () => context.AtLeastOnceAsync("change_role", async step =>
            {
                byte[]? oldRole = await new StoreMap(store, Roles).GetAsync(userId, step.Cancellation);
                step.Insert(Roles, userId, Encoding.UTF8.GetBytes(newRole));
                return oldRole is null ? FirstRole : Encoding.UTF8.GetString(oldRole);
            }),
            cancellation);
}
