using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using ModelContextProtocol;
using Varve.Mcp.Cli.Servers.Tasks;

namespace Varve.Mcp.Cli.Servers;

/// <summary>
/// The shapes of rows and answers: snake case, and nothing where there is nothing. Written at build time, for a quick start.
/// </summary>
internal static partial class ServerJson
{
    /// <summary>For the servers' tools: the shapes below, and those of the protocol.</summary>
    public static JsonSerializerOptions Options { get; } = Create(isIndented: false);

    private static JsonSerializerOptions Indented { get; } = Create(isIndented: true);

    public static JsonTypeInfo<T> TypeOf<T>() => (JsonTypeInfo<T>)Options.GetTypeInfo(typeof(T));

    /// <summary>As people like to read it.</summary>
    public static string Indent<T>(T value) => JsonSerializer.Serialize(value, (JsonTypeInfo<T>)Indented.GetTypeInfo(typeof(T)));

    private static JsonSerializerOptions Create(bool isIndented)
    {
        var options = new JsonSerializerOptions(McpJsonUtilities.DefaultOptions)
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,

            // Nothing of it goes into HTML; people read other scripts than Latin as they are.
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            WriteIndented = isIndented,
            NewLine = "\n",
        };
        options.TypeInfoResolverChain.Insert(0, ServerShapes.Default);
        options.MakeReadOnly();
        return options;
    }

    [JsonSourceGenerationOptions(
        PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
    [JsonSerializable(typeof(AuditedUserResult))]
    [JsonSerializable(typeof(UpdatedUserResult))]
    [JsonSerializable(typeof(AuditLogResult))]
    [JsonSerializable(typeof(UserRow))]
    [JsonSerializable(typeof(ProfileRow))]
    [JsonSerializable(typeof(CreatedUserResult))]
    [JsonSerializable(typeof(UserResult))]
    [JsonSerializable(typeof(ProfileResult))]
    [JsonSerializable(typeof(PaymentRow))]
    [JsonSerializable(typeof(PaymentResult))]
    [JsonSerializable(typeof(PaymentRowResult))]
    [JsonSerializable(typeof(ExchangeRateResult))]
    [JsonSerializable(typeof(FileRow))]
    [JsonSerializable(typeof(StepText))]
    [JsonSerializable(typeof(JobRow))]
    [JsonSerializable(typeof(UploadResult))]
    [JsonSerializable(typeof(DocumentResult))]
    [JsonSerializable(typeof(JobResult))]
    [JsonSerializable(typeof(TermRow))]
    [JsonSerializable(typeof(AddedTermResult))]
    [JsonSerializable(typeof(TermResult))]
    [JsonSerializable(typeof(RemovedTermResult))]
    [JsonSerializable(typeof(TermListResult))]
    [JsonSerializable(typeof(RecentTermsResult))]
    [JsonSerializable(typeof(Journey))]
    [JsonSerializable(typeof(JourneysResult))]
    [JsonSerializable(typeof(MapWriteResult))]
    [JsonSerializable(typeof(MapValueResult))]
    [JsonSerializable(typeof(MapEntriesResult))]
    [JsonSerializable(typeof(MapListResult))]
    [JsonSerializable(typeof(MapStatsResult))]
    [JsonSerializable(typeof(TaskItem))]
    [JsonSerializable(typeof(TaskStats))]
    [JsonSerializable(typeof(TaskResult))]
    [JsonSerializable(typeof(TasksResult))]
    [JsonSerializable(typeof(OrchestratorResult))]
    [JsonSerializable(typeof(OrchestratorText))]
    [JsonSerializable(typeof(QueuedTask[]))]
    [JsonSerializable(typeof(CurrentTask))]
    [JsonSerializable(typeof(PendingTask[]))]
    [JsonSerializable(typeof(CompletedTask[]))]
    [JsonSerializable(typeof(Dictionary<string, object?>))]
    [JsonSerializable(typeof(JsonObject))]
    [JsonSerializable(typeof(JsonArray))]
    [JsonSerializable(typeof(JsonElement))]
    private sealed partial class ServerShapes : JsonSerializerContext;
}
