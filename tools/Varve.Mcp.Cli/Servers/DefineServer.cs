using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Idempotency;
using Varve.Sharing;

namespace Varve.Mcp.Cli.Servers;

internal sealed record TermRow(string Term, string Definition, string Category, IReadOnlyList<string> Examples, long Timestamp);

internal sealed record TermView(
    string Term, string Definition, string? Category = null, IReadOnlyList<string>? Examples = null, long? AddedAt = null);

internal sealed record AddedTermResult(string? Term = null, long? Timestamp = null) : Outcome;

internal sealed record TermResult(TermRow? Term = null) : Outcome;

internal sealed record RemovedTermResult : Outcome;

internal sealed record TermListResult(
    int Count, IReadOnlyList<TermView> Terms, string? Category = null, string? Prefix = null) : Outcome;

internal sealed record RecentTermsResult(int Count, IReadOnlyList<TermView> RecentTerms) : Outcome;

/// <summary>A glossary: one entry by its name, by its time and by its category, all three written at once.</summary>
[McpServerToolType]
internal sealed class DefineServer(ISharedStore store, Turns turns, TimeProvider time)
{
    private const string Terms = "terms";
    private const string Recent = "recent";
    private const string Categories = "categories";
    private const int ShownCodePointsMax = 100;

    [McpServerTool(
        Name = "add_term", Title = "Add a term", Destructive = true, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(AddedTermResult))]
    [Description("Add a term to the glossary, or give it a new definition. Case does not matter for finding it.")]
    public async Task<CallToolResult> AddTerm(
        [Description("The term"), MinLength(1), MaxLength(Limits.LineChars)] string term,
        [Description("What it means"), MaxLength(Limits.TextChars)] string definition,
        DurableContext context,
        [Description("What it belongs to"), MinLength(1), MaxLength(Limits.LineChars)] string category = "general",
        [Description("How it is used"), ItemLimits(Limits.Members, Limits.LineChars)] string[]? examples = null,
        CancellationToken cancellation = default)
    {
        var row = new TermRow(term, definition, category, examples ?? [], time.GetUtcNow().ToUnixTimeMilliseconds());
        string recentKey = UuidV7.Next().ToString();
        long timestamp = await ChangeAsync(context, "add_term", term, cancellation, (step, before) =>
        {
            byte[] value = Rows.Write(row);
            if (before is not null) step.Remove(Categories, IndexKey(before.Category, before.Term));
            step.Insert(Terms, KeyOf(term), value);
            step.Insert(Recent, recentKey, value);
            step.Insert(Categories, IndexKey(category, term), value);
            return row.Timestamp;
        });
        return Reply.Of(new AddedTermResult(term, timestamp));
    }

    [McpServerTool(
        Name = "define", Title = "Look a term up", ReadOnly = true, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(TermResult))]
    [Description("Look a term up. Case does not matter.")]
    public async Task<CallToolResult> Define(
        [Description("The term"), MaxLength(Limits.LineChars)] string term, CancellationToken cancellation)
    {
        TermRow? row = await new StoreMap(store, Terms).FindAsync<TermRow>(KeyOf(term), cancellation);
        return row is null
            ? Reply.Error(new TermResult { Message = $"Term '{term}' not found in glossary" })
            : Reply.Of(new TermResult(row));
    }

    [McpServerTool(
        Name = "remove_term", Title = "Remove a term", Destructive = true, Idempotent = true, OpenWorld = false,
        UseStructuredContent = true, OutputSchemaType = typeof(RemovedTermResult))]
    [Description("Remove a term from the glossary. That it was added stays in the list of recent terms.")]
    public async Task<CallToolResult> RemoveTerm(
        [Description("The term"), MaxLength(Limits.LineChars)] string term, DurableContext context, CancellationToken cancellation)
    {
        bool wasThere = await ChangeAsync(context, "remove_term", term, cancellation, (step, before) =>
        {
            if (before is null) return false;
            step.Remove(Terms, KeyOf(term));
            step.Remove(Categories, IndexKey(before.Category, before.Term));
            return true;
        });
        return wasThere
            ? Reply.Of(new RemovedTermResult { Message = $"Removed '{term}' from glossary" })
            : Reply.Error(new RemovedTermResult { Message = $"Term '{term}' not found" });
    }

    [McpServerTool(
        Name = "list_terms", Title = "List terms", ReadOnly = true, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(TermListResult))]
    [Description("List terms in the order of the alphabet, from a place on. Long definitions are shortened.")]
    public async Task<CallToolResult> ListTerms(
        [Description("Where to begin; empty: at the first term"), MaxLength(Limits.LineChars)] string start_with = "",
        [Description("Terms at most"), Range(1, Limits.Entries)] int limit = 50,
        CancellationToken cancellation = default)
    {
        string? start = start_with.Length > 0 ? KeyOf(start_with) : null;
        MapPage page = await new StoreMap(store, Terms).RangeAsync(limit, start, bytesMax: Rows.PageBytesMax, cancellation: cancellation);
        TermView[] terms = [.. page.Read<TermRow>().Select(row => new TermView(row.Term, Shorten(row.Definition), row.Category))];
        return Reply.Of(new TermListResult(terms.Length, terms));
    }

    [McpServerTool(
        Name = "browse_category", Title = "List a category", ReadOnly = true, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(TermListResult))]
    [Description("List the terms of a category in the order of the alphabet.")]
    public async Task<CallToolResult> BrowseCategory(
        [Description("The category"), MinLength(1), MaxLength(Limits.LineChars)] string category,
        [Description("Terms at most"), Range(1, Limits.Entries)] int limit = 50,
        CancellationToken cancellation = default)
    {
        MapPage page = await new StoreMap(store, Categories).PrefixAsync(
            IndexKey(category, ""), limit, bytesMax: Rows.PageBytesMax, cancellation: cancellation);
        TermView[] terms = [.. page.Read<TermRow>().Select(row => new TermView(row.Term, row.Definition, Examples: row.Examples))];
        return Reply.Of(new TermListResult(terms.Length, terms, Category: category));
    }

    [McpServerTool(
        Name = "recent_terms", Title = "List recent terms", ReadOnly = true, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(RecentTermsResult))]
    [Description("List what was added last, the newest first. Long definitions are shortened.")]
    public async Task<CallToolResult> RecentTerms(
        [Description("Terms at most"), Range(1, Limits.Entries)] int limit = 20, CancellationToken cancellation = default)
    {
        MapPage page = await new StoreMap(store, Recent).ReverseRangeAsync(
            limit, bytesMax: Rows.PageBytesMax, cancellation: cancellation);
        TermView[] terms =
        [
            .. page.Read<TermRow>().Select(row => new TermView(row.Term, Shorten(row.Definition), row.Category, AddedAt: row.Timestamp)),
        ];
        return Reply.Of(new RecentTermsResult(terms.Length, terms));
    }

    [McpServerTool(
        Name = "search_terms", Title = "Search terms", ReadOnly = true, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(TermListResult))]
    [Description("List the terms that begin with a text, in any script. Case does not matter.")]
    public async Task<CallToolResult> SearchTerms(
        [Description("What the terms begin with"), MaxLength(Limits.LineChars)] string prefix,
        [Description("Terms at most"), Range(1, Limits.Entries)] int limit = 20,
        CancellationToken cancellation = default)
    {
        MapPage page = await new StoreMap(store, Terms).PrefixAsync(
            KeyOf(prefix), limit, bytesMax: Rows.PageBytesMax, cancellation: cancellation);
        TermView[] terms = [.. page.Read<TermRow>().Select(row => new TermView(row.Term, row.Definition, row.Category))];
        return Reply.Of(new TermListResult(terms.Length, terms, Prefix: prefix));
    }

    private static string Shorten(string definition)
    {
        string cut = Texts.Cut(definition, ShownCodePointsMax);
        return cut.Length < definition.Length ? cut + "..." : definition;
    }

    private static string KeyOf(string term) => term.ToLower(CultureInfo.InvariantCulture);

    /// <summary>A category's terms stand beside each other; the separator sorts before every other character.</summary>
    private static string IndexKey(string category, string term) => $"{category}\0{KeyOf(term)}";

    private Task<T> ChangeAsync<T>(
        DurableContext context, string alias, string term, CancellationToken cancellation, Func<StepBatch, TermRow?, T> change) =>
        turns.InAsync(
            Terms,
            () => context.AtLeastOnceAsync(
                alias, async step => change(step, await new StoreMap(store, Terms).FindAsync<TermRow>(KeyOf(term), step.Cancellation))),
            cancellation);
}
