using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Idempotency;
using Varve.Sharing;

namespace Varve.Mcp.Cli.Servers;

[StepType("journey")]
internal sealed record Journey(string JourneyId, string Name, string Description, long CreatedAt, long UpdatedAt);

internal sealed record JourneysResult([property: Description("A journey, or the list of all")] JsonElement? Data = null) : Outcome;

/// <summary>
/// One tool with an action for each thing to do; it reports progress and gives a list piece by piece to those who want that.
/// </summary>
[McpServerToolType]
internal sealed class JourneysServer(ISharedStore store, Turns turns, TimeProvider time)
{
    private const string Journeys = "journeys";
    private const string IdPrefix = "journey-";
    private const string ChunkNotification = "notifications/varve/chunk";
    private const string ChunksKey = "io.varve/chunks";
    private const int StepsOfCall = 3;

    [McpServerTool(
        Name = "journeys_tool", Title = "Journeys", Destructive = true, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(JourneysResult))]
    [Description("List, read, create, change or delete journeys.")]
    public async Task<CallToolResult> JourneysTool(
        RequestContext<CallToolRequestParams> request,
        DurableContext context,
        [Description("What to do"), AllowedValues("list", "get", "create", "update", "delete")] string action,
        [Description("The journey to get, update or delete"), MaxLength(Limits.NameChars)] string? journey_id = null,
        [Description("Its name; needed to create one"), MaxLength(Limits.NameChars)] string? name = null,
        [Description("A few words about it"), MaxLength(Limits.TextChars)] string? description = null,
        CancellationToken cancellation = default)
    {
        await context.ReportProgressAsync(1, StepsOfCall, "Loading data...", cancellation);
        if (action is "get" or "update" or "delete" && string.IsNullOrEmpty(journey_id))
            return Refuse($"journey_id is needed to {action} a journey.");
        if (action == "create" && string.IsNullOrEmpty(name)) return Refuse("name is needed to create a journey.");
        string what = journey_id ?? "";
        await context.ReportProgressAsync(2, StepsOfCall, "Processing...", cancellation);
        CallToolResult result = action switch
        {
            "list" => await ListAsync(request, cancellation),
            "get" => ReplyWith(what, await new StoreMap(store, Journeys).FindAsync<Journey>(KeyOf(what), cancellation)),
            "create" => ReplyWith(what, await CreateAsync(context, name!, description ?? "", cancellation)),
            "update" => ReplyWith(what, await UpdateAsync(context, what, name, description, cancellation)),
            _ => ReplyWith(what, await DeleteAsync(context, what, cancellation)),
        };
        await context.ReportProgressAsync(StepsOfCall, StepsOfCall, "Done", cancellation);
        return result;
    }

    private static CallToolResult Refuse(string message) => Reply.Error(new JourneysResult { Message = message });

    private static CallToolResult ReplyWith(string id, Journey? journey) => journey is null
        ? Refuse($"Journey not found: {id}")
        : Reply.Of(new JourneysResult(JsonSerializer.SerializeToElement(journey, ServerJson.TypeOf<Journey>())));

    /// <summary>Ids sort by number, also past 999; another text is no id, and sorts behind.</summary>
    private static string KeyOf(string id)
    {
        ReadOnlySpan<char> digits = id.StartsWith(IdPrefix, StringComparison.Ordinal) ? id.AsSpan(IdPrefix.Length) : default;
        bool isId = long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && id == IdOf(number);
        return isId ? number.ToString("D10", CultureInfo.InvariantCulture) : $"~{id}";
    }

    private static string IdOf(long number) => string.Create(CultureInfo.InvariantCulture, $"{IdPrefix}{number:D3}");

    private async Task<CallToolResult> ListAsync(RequestContext<CallToolRequestParams> request, CancellationToken cancellation)
    {
        MapPage page = await new StoreMap(store, Journeys).RangeAsync(
            Limits.Entries, bytesMax: Rows.PageBytesMax, cancellation: cancellation);
        bool wantsChunks = request.Params.Meta?[ChunksKey] is JsonValue wanted && wanted.TryGetValue(out bool isWanted) && isWanted;
        ProgressToken? token = wantsChunks ? request.Params.ProgressToken : null;
        JsonArray data = [];
        foreach (Journey journey in page.Read<Journey>())
        {
            JsonNode item = JsonSerializer.SerializeToNode(journey, ServerJson.TypeOf<Journey>())!;
            if (token is { } known) await SendChunkAsync(request.Server, known, data.Count, item, cancellation);
            data.Add(item);
        }

        return Reply.Of(new JourneysResult(JsonSerializer.SerializeToElement(data, ServerJson.TypeOf<JsonArray>())));
    }

    private static Task SendChunkAsync(McpServer server, ProgressToken token, int index, JsonNode item, CancellationToken cancellation)
    {
        JsonObject parameters = new()
        {
            ["progressToken"] = token.Token is long number ? number : token.ToString(),
            ["index"] = index,
            ["data"] = item.DeepClone(),
        };
        return server.SendMessageAsync(new JsonRpcNotification { Method = ChunkNotification, Params = parameters }, cancellation);
    }

    private Task<Journey?> CreateAsync(DurableContext context, string name, string description, CancellationToken cancellation)
    {
        long now = time.GetUtcNow().ToUnixTimeMilliseconds();
        return ChangeAsync(context, "create", cancellation, async step =>
        {
            string id = IdOf(await Numbers.TakeAsync(store, step, Journeys, count: 1));
            return Keep(step, new Journey(id, name, description, now, now));
        });
    }

    private Task<Journey?> UpdateAsync(
        DurableContext context, string id, string? name, string? description, CancellationToken cancellation)
    {
        long now = time.GetUtcNow().ToUnixTimeMilliseconds();
        return ChangeAsync(context, "update", cancellation, async step =>
        {
            if (await new StoreMap(store, Journeys).FindAsync<Journey>(KeyOf(id), step.Cancellation) is not { } journey) return null;
            string newName = string.IsNullOrEmpty(name) ? journey.Name : name;
            return Keep(step, journey with { Name = newName, Description = description ?? journey.Description, UpdatedAt = now });
        });
    }

    private Task<Journey?> DeleteAsync(DurableContext context, string id, CancellationToken cancellation) =>
        ChangeAsync(context, "delete", cancellation, async step =>
        {
            Journey? journey = await new StoreMap(store, Journeys).FindAsync<Journey>(KeyOf(id), step.Cancellation);
            step.Remove(Journeys, KeyOf(id));
            return journey;
        });

    private static Journey Keep(StepBatch step, Journey journey)
    {
        step.Insert(Journeys, KeyOf(journey.JourneyId), Rows.Write(journey));
        return journey;
    }

    private Task<Journey?> ChangeAsync(
        DurableContext context, string alias, CancellationToken cancellation, Func<StepBatch, Task<Journey?>> change) =>
        turns.InAsync(Journeys, () => context.AtLeastOnceAsync(alias, change), cancellation);
}
