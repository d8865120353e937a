using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Idempotency;
using Varve.Sharing;

namespace Varve.Mcp.Cli.Servers;

internal sealed record MapEntryView(string? Key = null, string? KeyBase64 = null, string? Value = null, string? ValueBase64 = null);

internal sealed record MapWriteResult(string Name, int Count = 0) : Outcome;

internal sealed record MapValueResult(
    string Name, string Key, bool Found = false, string? Value = null, string? ValueBase64 = null) : Outcome;

internal sealed record MapEntriesResult(
    string Name, int Count, IReadOnlyList<MapEntryView> Entries, string? NextStartKey = null) : Outcome;

internal sealed record MapListResult(int Count, IReadOnlyList<string> Maps) : Outcome;

internal sealed record MapStatsResult(
    string Name, long Entries = 0, long KeyBytes = 0, long ValueBytes = 0, string? FirstKey = null, string? LastKey = null,
    [property: Description("Whether all entries were counted; else only the first ones")] bool IsComplete = true) : Outcome;

/// <summary>The store's maps themselves, but for those that the journal keeps.</summary>
[McpServerToolType]
[McpServerResourceType]
internal sealed class StoreServer(ISharedStore store, ServerSettings settings)
{
    private const string Utf8Encoding = "utf8";
    private const string Base64Encoding = "base64";
    private const string NameText = "The map's name";
    private const string EncodingText = "utf8: values are texts; base64: they are bytes, in base64";
    private const string LimitText = "Entries at most; above zero";
    private const int CountedMax = 1_000_000;
    private const int ShownCodePointsMax = 100;
    private const string UriStart = "map://";
    private const string FirstModernRevision = "2026-07-28";

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The resource of a key. Everything but letters, digits and -._~ is percent-encoded.</summary>
    public static string UriOf(string name, string key) => $"{UriStart}{Uri.EscapeDataString(name)}/{Uri.EscapeDataString(key)}";

    /// <summary>The key that a resource is of; false for other resources.</summary>
    public static bool TryReadUri(string uri, [NotNullWhen(true)] out string? name, [NotNullWhen(true)] out byte[]? key)
    {
        (name, key) = (null, null);
        if (!uri.StartsWith(UriStart, StringComparison.Ordinal)) return false;
        int end = uri.IndexOf('/', UriStart.Length);
        if (end < 0) return false;
        name = Uri.UnescapeDataString(uri[UriStart.Length..end]);
        key = Encoding.UTF8.GetBytes(Uri.UnescapeDataString(uri[(end + 1)..]));
        return true;
    }

    [McpServerTool(
        Name = "map_insert", Title = "Write entries", Destructive = true, Idempotent = true, OpenWorld = false,
        UseStructuredContent = true, OutputSchemaType = typeof(MapWriteResult))]
    [Description("Write entries to a map, all at once or not at all. A key that is there gets the new value.")]
    public Task<CallToolResult> MapInsert(
        [Description(NameText), MaxLength(Limits.MapNameBytes)] string name,
        [Description("Keys and their values"), ItemLimits(Limits.Operations, Limits.MessageBytes, NameLength = Limits.KeyBytes)]
        Dictionary<string, string> entries,
        DurableContext context,
        [Description(EncodingText), AllowedValues(Utf8Encoding, Base64Encoding)] string encoding = Utf8Encoding) =>
        GuardAsync(new MapWriteResult(name), async result =>
        {
            KeyValuePair<string, byte[]>[] decoded =
                [.. entries.Select(entry => KeyValuePair.Create(CheckKey(entry.Key), Decode(entry.Key, entry.Value, encoding)))];
            await context.Map(name).InsertAsync(decoded);
            return result with { Count = decoded.Length };
        });

    [McpServerTool(
        Name = "map_remove", Title = "Remove entries", Destructive = true, Idempotent = true, OpenWorld = false,
        UseStructuredContent = true, OutputSchemaType = typeof(MapWriteResult))]
    [Description("Remove keys from a map, all at once or not at all. Keys that are absent are ignored.")]
    public static Task<CallToolResult> MapRemove(
        [Description(NameText), MaxLength(Limits.MapNameBytes)] string name,
        [Description("The keys"), ItemLimits(Limits.Operations, Limits.KeyBytes)] string[] keys,
        DurableContext context) =>
        GuardAsync(new MapWriteResult(name), async result =>
        {
            await context.Map(name).RemoveAsync([.. keys.Select(CheckKey)]);
            return result with { Count = keys.Length };
        });

    [McpServerTool(
        Name = "map_get", Title = "Read a key", ReadOnly = true, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(MapValueResult))]
    [Description("Read a key of a map. \"found\" tells an absent key from an empty value.")]
    public Task<CallToolResult> MapGet(
        [Description(NameText), MaxLength(Limits.MapNameBytes)] string name,
        [Description("The key"), MaxLength(Limits.KeyBytes)] string key,
        [Description(EncodingText), AllowedValues(Utf8Encoding, Base64Encoding)] string encoding = Utf8Encoding,
        CancellationToken cancellation = default) =>
        GuardAsync(new MapValueResult(name, key), async result =>
        {
            if (await MapOf(name).GetAsync(CheckKey(key), cancellation) is not { } value) return result;
            (string? text, string? base64) = Encode(value, encoding);
            return result with { Found = true, Value = text, ValueBase64 = base64 };
        });

    [McpServerTool(
        Name = "map_range", Title = "Read a range", ReadOnly = true, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(MapEntriesResult))]
    [Description("Read entries in the order of their keys. Where there are more, next_start_key is the start_key to go on with.")]
    public Task<CallToolResult> MapRange(
        [Description(NameText), MaxLength(Limits.MapNameBytes)] string name,
        [Description(LimitText), Range(1, Limits.Entries)] int limit,
        [Description("The first key, inclusive"), MaxLength(Limits.BoundBytes)] string? start_key = null,
        [Description("Where to end, exclusive"), MaxLength(Limits.BoundBytes)] string? end_key = null,
        [Description(EncodingText), AllowedValues(Utf8Encoding, Base64Encoding)] string encoding = Utf8Encoding,
        CancellationToken cancellation = default) =>
        GuardAsync(new MapEntriesResult(name, 0, []), async result =>
            Fill(result, await MapOf(name).RangeAsync(limit, start_key, end_key, Rows.PageBytesMax, cancellation), encoding));

    [McpServerTool(
        Name = "map_reverse_range", Title = "Read a range backwards", ReadOnly = true, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(MapEntriesResult))]
    [Description("Read entries against the order of their keys. Where there are more, next_start_key is the start_key to go on with.")]
    public Task<CallToolResult> MapReverseRange(
        [Description(NameText), MaxLength(Limits.MapNameBytes)] string name,
        [Description(LimitText), Range(1, Limits.Entries)] int limit,
        [Description("The greatest key, inclusive"), MaxLength(Limits.BoundBytes)] string? start_key = null,
        [Description("Where to end, below start_key, exclusive"), MaxLength(Limits.BoundBytes)] string? end_key = null,
        [Description(EncodingText), AllowedValues(Utf8Encoding, Base64Encoding)] string encoding = Utf8Encoding,
        CancellationToken cancellation = default) =>
        GuardAsync(new MapEntriesResult(name, 0, []), async result =>
            Fill(result, await MapOf(name).ReverseRangeAsync(limit, start_key, end_key, Rows.PageBytesMax, cancellation), encoding));

    [McpServerTool(
        Name = "list_maps", Title = "List the maps", ReadOnly = true, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(MapListResult))]
    [Description("List the maps that have been written to, but for internal ones.")]
    public async Task<CallToolResult> ListMaps(CancellationToken cancellation)
    {
        string[] maps = [.. (await store.ListMapsAsync(cancellation)).Where(name => !InternalMaps.IsInternal(name))];
        return Reply.Of(new MapListResult(maps.Length, maps));
    }

    [McpServerTool(
        Name = "map_stats", Title = "Count a map", ReadOnly = true, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(MapStatsResult))]
    [Description("Count a map's entries and bytes, by reading them.")]
    public Task<CallToolResult> MapStats(
        [Description(NameText), MaxLength(Limits.MapNameBytes)] string name, CancellationToken cancellation) =>
        GuardAsync(new MapStatsResult(name), result => CountAsync(MapOf(name), result, cancellation));

    [McpServerResource(UriTemplate = "map://{name}/{key}", Name = "map_entry", Title = "A key of a map")]
    [Description("The value of a key: a text, or bytes that are none. Name and key are percent-encoded.")]
    public async Task<ResourceContents> ReadEntry(
        RequestContext<ReadResourceRequestParams> request, string name, string key, CancellationToken cancellation)
    {
        byte[]? value = null;
        try
        {
            value = await MapOf(name).GetAsync(key, cancellation);
        }
        catch (ArgumentException refused)
        {
            throw new McpProtocolException(WithoutParameter(refused), McpErrorCode.InvalidParams);
        }

        string uri = request.Params.Uri;
        if (value is null) throw new McpProtocolException($"There is no key '{key}' in the map '{name}'.", CodeOfMissing(request));
        return TryDecode(value, out string? text)
            ? new TextResourceContents { Uri = uri, MimeType = "text/plain", Text = text }
            : BlobResourceContents.FromBytes(value, uri, "application/octet-stream");
    }

    /// <summary>What the store refuses about a name, a key or a range is told as it is.</summary>
    private static async Task<CallToolResult> GuardAsync<T>(T empty, Func<T, Task<T>> work)
        where T : Outcome
    {
        try
        {
            return Reply.Of(await work(empty));
        }
        catch (ArgumentException refused)
        {
            empty.Message = WithoutParameter(refused);
            return Reply.Error(empty);
        }
    }

    /// <summary>Clients of older revisions know a code of its own for that.</summary>
    private static McpErrorCode CodeOfMissing(RequestContext<ReadResourceRequestParams> request)
    {
        string? revision = request.JsonRpcRequest.Context?.ProtocolVersion ?? request.Server.NegotiatedProtocolVersion;
        bool isModern = string.CompareOrdinal(revision, FirstModernRevision) >= 0;
        return isModern ? McpErrorCode.InvalidParams : McpErrorCode.ResourceNotFound;
    }

    private static string WithoutParameter(ArgumentException refused)
    {
        int end = refused.Message.IndexOf(" (Parameter '", StringComparison.Ordinal);
        return end < 0 ? refused.Message : refused.Message[..end];
    }

    private byte[] Decode(string key, string value, string encoding)
    {
        byte[] bytes = DecodeAny(key, value, encoding);
        if (bytes.Length > settings.ValueBytesMax)
            throw new ArgumentException($"The value of '{Show(key)}' has more than {settings.ValueBytesMax} bytes.");
        return bytes;
    }

    private static byte[] DecodeAny(string key, string value, string encoding)
    {
        if (encoding != Base64Encoding) return Utf8.GetBytes(value);
        byte[] bytes = new byte[value.Length];
        if (Convert.TryFromBase64String(value, bytes, out int length)) return bytes[..length];
        throw new ArgumentException($"The value of '{Show(key)}' is not base64.");
    }

    /// <summary>The schema counts characters; the store, bytes.</summary>
    private static string CheckKey(string key)
    {
        if (Encoding.UTF8.GetByteCount(key) <= Limits.KeyBytes) return key;
        throw new ArgumentException($"The key '{Show(key)}' has more than {Limits.KeyBytes} bytes.");
    }

    private static string Show(string key)
    {
        string cut = Texts.Cut(key, ShownCodePointsMax);
        return cut.Length < key.Length ? cut + "..." : key;
    }

    private static (string? Text, string? Base64) Encode(ReadOnlyMemory<byte> value, string encoding) =>
        encoding != Base64Encoding && TryDecode(value.Span, out string? text) ? (text, null) : (null, Convert.ToBase64String(value.Span));

    private static bool TryDecode(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out string? text)
    {
        text = System.Text.Unicode.Utf8.IsValid(bytes) ? Utf8.GetString(bytes) : null;
        return text is not null;
    }

    private static MapEntriesResult Fill(MapEntriesResult result, MapPage page, string encoding)
    {
        MapEntryView[] entries = [.. page.Entries.Select(entry => ViewOf(entry, encoding))];
        return result with { Count = entries.Length, Entries = entries, NextStartKey = page.NextKey };
    }

    private static MapEntryView ViewOf(MapEntry entry, string encoding)
    {
        (string? value, string? valueBase64) = Encode(entry.Value, encoding);
        (string? key, string? keyBase64) = Encode(entry.KeyBytes, Utf8Encoding);
        return new MapEntryView(key, keyBase64, value, valueBase64);
    }

    private static async Task<MapStatsResult> CountAsync(StoreMap map, MapStatsResult result, CancellationToken cancellation)
    {
        const int EntriesOfPage = 1_000;
        string? start = null;
        do
        {
            MapPage page = await map.RangeAsync(EntriesOfPage, start, bytesMax: Rows.PageBytesMax, cancellation: cancellation);
            if (page.Entries.Count == 0) break;
            result = result with
            {
                Entries = result.Entries + page.Entries.Count,
                KeyBytes = result.KeyBytes + page.Entries.Sum(entry => (long)entry.KeyBytes.Length),
                ValueBytes = result.ValueBytes + page.Entries.Sum(entry => (long)entry.Value.Length),
                FirstKey = result.FirstKey ?? page.Entries[0].Key,
                LastKey = page.Entries[^1].Key,
                IsComplete = page.NextKey is null,
            };
            start = page.NextKey;
        }
        while (start is not null && result.Entries < CountedMax);

        return result;
    }

    private StoreMap MapOf(string name) => new(store, name);
}
