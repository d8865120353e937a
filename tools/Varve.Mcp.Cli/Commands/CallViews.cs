using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Varve.Idempotency;

namespace Varve.Mcp.Cli.Commands;

/// <summary>A call as it is listed.</summary>
internal sealed record CallView(
    Guid Id, string Tool, string State, string Principal, string? Key, DateTimeOffset CreatedAt, int Attempts, int Recoveries,
    string Recovery, Guid? ReplayOf, bool? IsError, DateTimeOffset? FinishedAt)
{
    public static CallView Of(Invocation call) => new(
        call.Id, call.Name, NameOf(call.State.ToString()), call.Principal, call.Key, call.CreatedAt, call.Attempts, call.Recoveries,
        NameOf(call.Recovery.ToString()), call.ReplayOf, call.Outcome?.IsError, call.Outcome?.FinishedAt);

    public static string NameOf(string name) => JsonNamingPolicy.SnakeCaseLower.ConvertName(name);
}

/// <summary>What a guard or a write of a map has recorded.</summary>
internal sealed record StepView(string? Alias, string? Map, string State, int Attempts, string? Type, string? Text)
{
    public static StepView Of(InvocationStep step) => new(
        step.Alias, step.Map, CallView.NameOf(step.State.ToString()), step.Attempts, step.Type.Length > 0 ? step.Type : null,
        step.Text.Length > 0 ? step.Text : null);
}

/// <summary>A call with everything that is known of it.</summary>
internal sealed record CallDetails(CallView Call, JsonElement? Arguments, IReadOnlyList<StepView> Steps, JsonElement? Result)
{
    public static async Task<CallDetails> ReadAsync(Journal journal, Invocation call, CancellationToken cancellation)
    {
        IReadOnlyList<InvocationStep> steps = await journal.ListStepsAsync(call.Id, cancellation);
        bool hasResult = call.Outcome is { State: InvocationState.Completed };
        return new CallDetails(
            CallView.Of(call),
            call.Arguments is { } arguments ? Parse(arguments) : null,
            [.. steps.Select(StepView.Of)],
            hasResult ? Parse(call.Outcome!.Content) : null);
    }

    private static JsonElement Parse(ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }
}

/// <summary>That a command has done something to a call.</summary>
internal sealed record CallChange(Guid Id, string Done);

/// <summary>CallShapes of what <c>calls</c> prints with <c>--json</c>.</summary>
internal static partial class CallJson
{
    private static readonly JsonSerializerOptions Readable = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        TypeInfoResolver = CallShapes.Default,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>An object in a line.</summary>
    public static string Line<T>(T value) => JsonSerializer.Serialize(value, (JsonTypeInfo<T>)Readable.GetTypeInfo(typeof(T)));

    [JsonSourceGenerationOptions(
        PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
    [JsonSerializable(typeof(CallView))]
    [JsonSerializable(typeof(CallDetails))]
    [JsonSerializable(typeof(CallChange))]
    private sealed partial class CallShapes : JsonSerializerContext;
}
