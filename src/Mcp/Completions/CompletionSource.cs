using ModelContextProtocol.Protocol;

namespace Varve.Mcp.Completions;

/// <summary>Values of one argument, by what was typed of them.</summary>
internal sealed record CompletionSource(
    string Reference, string Argument, Func<string, CancellationToken, ValueTask<IEnumerable<string>>> CompleteAsync)
{
    /// <summary>By the protocol.</summary>
    private const int ValuesMax = 100;

    public static async ValueTask<CompleteResult> AnswerAsync(
        CompletionSource[] sources, CompleteRequestParams asked, CancellationToken cancellation)
    {
        string? reference = asked.Ref switch
        {
            PromptReference prompt => prompt.Name,
            ResourceTemplateReference template => template.Uri,
            _ => null,
        };
        CompletionSource? source = Array.Find(sources, one => one.Reference == reference && one.Argument == asked.Argument.Name);
        string[] values = source is null ? [] : [.. (await source.CompleteAsync(asked.Argument.Value, cancellation)).Take(ValuesMax + 1)];
        bool hasMore = values.Length > ValuesMax;
        return new CompleteResult
        {
            Completion = new Completion { Values = [.. values.Take(ValuesMax)], HasMore = hasMore, Total = hasMore ? null : values.Length },
        };
    }
}
