using System.Text;
using Varve.Sharing;

namespace Varve.Idempotency;

/// <summary>Reads a map whose keys are texts: by key, by range either way, by prefix. Keys sort by their bytes in UTF-8.</summary>
/// <remarks>Safe for concurrent use. Writes go through an invocation: <see cref="InvocationMap"/>.</remarks>
public class StoreMap
{
    /// <summary>Greatest number of bytes of a page: 16 MiB.</summary>
    public const int PageBytesMax = StoreRange.BytesMaxMax;

    /// <summary>A map by its name.</summary>
    /// <param name="store">The store.</param>
    /// <param name="name">1 to 255 bytes of UTF-8; the map comes into being with its first write.</param>
    /// <exception cref="ArgumentException">The name is empty, or that of an internal map (<see cref="InternalMaps"/>).</exception>
    public StoreMap(ISharedStore store, string name)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentException.ThrowIfNullOrEmpty(name);
        InternalMaps.ThrowIfInternal(name);
        Store = store;
        Name = name;
    }

    /// <summary>The map's name.</summary>
    public string Name { get; }

    internal ISharedStore Store { get; }

    /// <summary>A copy of a key's value; null when the key is absent, empty when the value is.</summary>
    /// <param name="key">0 to 16,384 bytes of UTF-8.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="ArgumentException">The key is too long, or no valid text.</exception>
    public ValueTask<byte[]?> GetAsync(string key, CancellationToken cancellation = default) =>
        Store.GetAsync(Name, BytesOf(key), cancellation);

    /// <summary>
    /// The first entries from <paramref name="startKey"/> (inclusive) to <paramref name="endKey"/> (exclusive), ascending.
    /// </summary>
    /// <param name="limit">Entries at most; above zero, and to be given, so that nobody reads a whole map by accident.</param>
    /// <param name="startKey">Null: from the first entry.</param>
    /// <param name="endKey">Null: to the last entry.</param>
    /// <param name="bytesMax">Bytes of keys and values after which the page ends, whatever the limit: up to 16 MiB, the default.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="InvalidRangeException">The limit is not above zero, or the start is not below the end.</exception>
    public ValueTask<MapPage> RangeAsync(
        int limit, string? startKey = null, string? endKey = null, int bytesMax = PageBytesMax, CancellationToken cancellation = default)
    {
        CheckLimit(limit);
        byte[] start = startKey is null ? [] : BytesOf(startKey);
        byte[] end = endKey is null ? [] : BytesOf(endKey);
        if (startKey is not null && endKey is not null && start.AsSpan().SequenceCompareTo(end) >= 0)
            throw new InvalidRangeException($"The start of a range must lie below its end: '{startKey}', '{endKey}'.");

        // To the store no bytes are no bound; no key lies below the empty one.
        if (endKey is { Length: 0 }) return new ValueTask<MapPage>(MapPage.Empty);
        return ReadAsync(start, end, Direction.Ascending, limit, bytesMax, cancellation);
    }

    /// <summary>
    /// The last entries from <paramref name="startKey"/> (the greatest, inclusive) down to <paramref name="endKey"/> (exclusive),
    /// descending.
    /// </summary>
    /// <param name="limit">Entries at most; above zero.</param>
    /// <param name="startKey">Null: from the last entry.</param>
    /// <param name="endKey">Null: to the first entry.</param>
    /// <param name="bytesMax">Bytes of keys and values after which the page ends, whatever the limit: up to 16 MiB, the default.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="InvalidRangeException">The limit is not above zero, or the start is not above the end.</exception>
    public async ValueTask<MapPage> ReverseRangeAsync(
        int limit, string? startKey = null, string? endKey = null, int bytesMax = PageBytesMax, CancellationToken cancellation = default)
    {
        CheckLimit(limit);
        byte[] start = startKey is null ? [] : BytesOf(startKey);
        byte[] end = endKey is null ? [] : BytesOf(endKey);
        if (startKey is not null && endKey is not null && start.AsSpan().SequenceCompareTo(end) <= 0)
            throw new InvalidRangeException($"The start of a reverse range must lie above its end: '{startKey}', '{endKey}'.");
        if (startKey is { Length: 0 })
        {
            byte[]? value = await Store.GetAsync(Name, start, cancellation).ConfigureAwait(false);
            return value is null ? MapPage.Empty : new MapPage([new MapEntry(start, value)], NextKey: null);
        }

        MapPage page = await ReadAsync(start, end, Direction.Descending, limit, bytesMax, cancellation).ConfigureAwait(false);
        return endKey is { Length: 0 } ? page.WithoutEmptyKey() : page;
    }

    /// <summary>The first entries whose keys begin with a text, ascending.</summary>
    /// <param name="prefix">What the keys begin with; empty: all.</param>
    /// <param name="limit">Entries at most; above zero.</param>
    /// <param name="startKey">Where to go on: the <see cref="MapPage.NextKey"/> of the page before. Null: at the beginning.</param>
    /// <param name="bytesMax">Bytes of keys and values after which the page ends, whatever the limit: up to 16 MiB, the default.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="InvalidRangeException">The limit is not above zero, or the start does not begin with the prefix.</exception>
    public ValueTask<MapPage> PrefixAsync(
        string prefix, int limit, string? startKey = null, int bytesMax = PageBytesMax, CancellationToken cancellation = default)
    {
        CheckLimit(limit);
        byte[] first = BytesOf(prefix);
        byte[] start = startKey is null ? first : BytesOf(startKey);
        if (!start.AsSpan().StartsWith(first)) throw new InvalidRangeException($"'{startKey}' does not begin with '{prefix}'.");
        byte[] end = first.Length == 0 ? [] : JournalKeys.EndOf(first);
        return ReadAsync(start, end, Direction.Ascending, limit, bytesMax, cancellation);
    }

    internal static byte[] BytesOf(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return RowWriter.Utf8.GetBytes(key);
    }

    private static void CheckLimit(int limit)
    {
        if (limit <= 0) throw new InvalidRangeException($"The limit of a range must be above zero; it is {limit}.");
    }

    private async ValueTask<MapPage> ReadAsync(
        byte[] start, byte[] end, Direction direction, int limit, int bytesMax, CancellationToken cancellation)
    {
        var range = new StoreRange { Map = Name, Start = start, End = end, Direction = direction, Limit = limit, BytesMax = bytesMax };
        StorePage page = await Store.ReadRangeAsync(range, cancellation).ConfigureAwait(false);
        MapEntry[] entries = [.. page.Entries.Select(entry => new MapEntry(entry.Key, entry.Value))];
        return new MapPage(entries, page.NextKey is null ? null : Encoding.UTF8.GetString(page.NextKey));
    }
}

/// <summary>Entries of a map, in the order of the range.</summary>
/// <param name="Entries">The entries; empty when there is none in the range.</param>
/// <param name="NextKey">
/// The key of the first entry of the range that did not go into the page: the start key of the next one. Null: the range ends here.
/// </param>
public sealed record MapPage(IReadOnlyList<MapEntry> Entries, string? NextKey)
{
    internal static MapPage Empty { get; } = new([], null);

    internal MapPage WithoutEmptyKey()
    {
        MapEntry[] left = [.. Entries.Where(entry => entry.KeyBytes.Length > 0)];
        return new MapPage(left, NextKey is { Length: 0 } ? null : NextKey);
    }
}

/// <summary>An entry of a map.</summary>
/// <param name="KeyBytes">The key's bytes.</param>
/// <param name="Value">The value.</param>
public readonly record struct MapEntry(ReadOnlyMemory<byte> KeyBytes, ReadOnlyMemory<byte> Value)
{
    /// <summary>The key as a text. Bytes of other programs that are no UTF-8 are replaced by marks.</summary>
    public string Key => Encoding.UTF8.GetString(KeyBytes.Span);
}
