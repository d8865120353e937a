using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using ModelContextProtocol.Protocol;

namespace Varve.Mcp.Cli.Servers;

/// <summary>What every tool answers with: whether it went well, and if not, why.</summary>
internal abstract record Outcome
{
    public const string SuccessStatus = "success";
    public const string ErrorStatus = "error";

    [JsonPropertyOrder(-2)]
    [JsonRequired]
    [AllowedValues(SuccessStatus, ErrorStatus)]
    [Description("success or error")]
    public string Status { get; set; } = SuccessStatus;

    [JsonPropertyOrder(-1)]
    [Description("For people: what went wrong, or what was done")]
    public string? Message { get; set; }
}

/// <summary>Outcomes as results of tools: structured, and the same JSON as text. An error is also marked as one for the protocol.</summary>
internal static class Reply
{
    public static CallToolResult Of<T>(T outcome)
        where T : Outcome
    {
        JsonElement json = JsonSerializer.SerializeToElement(outcome, ServerJson.TypeOf<T>());
        return Of(outcome, json, json.GetRawText());
    }

    /// <summary>With a sentence for a text.</summary>
    public static CallToolResult Of<T>(T outcome, string text)
        where T : Outcome => Of(outcome, JsonSerializer.SerializeToElement(outcome, ServerJson.TypeOf<T>()), text);

    public static CallToolResult Error<T>(T outcome)
        where T : Outcome
    {
        outcome.Status = Outcome.ErrorStatus;
        return Of(outcome);
    }

    private static CallToolResult Of(Outcome outcome, JsonElement json, string text) => new()
    {
        Content = [new TextContentBlock { Text = text }],
        StructuredContent = json,
        IsError = outcome.Status == Outcome.ErrorStatus ? true : null,
    };
}
