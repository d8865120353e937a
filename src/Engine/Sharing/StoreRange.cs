namespace Varve.Sharing;

/// <summary>Entries of one map to be read. Plain data.</summary>
public sealed class StoreRange
{
    /// <summary>Greatest <see cref="BytesMax"/>: 16 MiB.</summary>
    public const int BytesMaxMax = 16 << 20;

    /// <summary>The map's name, 1 to 255 bytes of UTF-8. One that was never written to is empty.</summary>
    public required string Map { get; init; }

    /// <summary>Ascending: the smallest key. Descending: the greatest. Inclusive; empty: no bound.</summary>
    public ReadOnlyMemory<byte> Start { get; init; }

    /// <summary>Ascending: the first key behind the range. Descending: the first below it. Exclusive; empty: no bound.</summary>
    public ReadOnlyMemory<byte> End { get; init; }

    /// <summary>Which way; default ascending. Both are equally fast.</summary>
    public Direction Direction { get; init; }

    /// <summary>Entries at most, 1 or more.</summary>
    public required int Limit { get; init; }

    /// <summary>
    /// Bytes of keys and values after which a page ends, 1 to 16 MiB; default 1 MiB. A single larger entry is a page of its own.
    /// </summary>
    public int BytesMax { get; init; } = 1 << 20;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Limit, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(BytesMax, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(BytesMax, BytesMaxMax);
    }
}

/// <summary>What a <see cref="StoreRange"/> gave: entries in its order, in memory of their own. Plain data.</summary>
/// <param name="Entries">The entries; empty when there is none in the range.</param>
/// <param name="NextKey">
/// The key of the first entry of the range that is not in the page: the start of the next page, whichever way. Null: there was none.
/// </param>
public sealed record StorePage(IReadOnlyList<PageEntry> Entries, byte[]? NextKey);
