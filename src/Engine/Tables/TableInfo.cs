using Varve.Diagnostics;
using Varve.Entries;

namespace Varve.Tables;

/// <summary>What the manifest says of one table file. Immutable.</summary>
internal sealed record TableInfo
{
    /// <summary>The file's number; its name is <c>NNNNNN.table</c>.</summary>
    public required long Number { get; init; }

    /// <summary>Mixed into every checksum of the file.</summary>
    public required ulong Salt { get; init; }

    /// <summary>The file's length.</summary>
    public required long FileBytes { get; init; }

    /// <summary>CRC32C of the whole file.</summary>
    public required uint FileChecksum { get; init; }

    /// <summary>
    /// Smallest entry: key and trailer. Where a range tombstone begins before it, or with its key, that start and
    /// <see cref="Trailer.Newest"/>.
    /// </summary>
    public required byte[] SmallestKey { get; init; }

    public required ulong SmallestTrailer { get; init; }

    /// <summary>
    /// Largest entry: key and trailer. Where a range tombstone ends behind it, that end and <see cref="Trailer.Newest"/>, which orders
    /// before every entry: the key itself is then outside.
    /// </summary>
    public required byte[] LargestKey { get; init; }

    public required ulong LargestTrailer { get; init; }

    public required long EntryCount { get; init; }

    public required long TombstoneCount { get; init; }

    public required ulong SmallestSequence { get; init; }

    public required ulong LargestSequence { get; init; }

    /// <summary>Key and value bytes as the user gave them, before compression.</summary>
    public required long ContentBytes { get; init; }

    public required bool IsCompressed { get; init; }

    /// <summary>When its entries expire; nothing where none does.</summary>
    public ExpirySummary Expiries { get; init; }

    /// <summary>An ingested table, whose entries were written with sequence 0, at the sequence at which it is installed.</summary>
    public TableInfo AtSequence(ulong sequence)
    {
        Invariant.Holds(LargestSequence == 0);
        return this with
        {
            SmallestTrailer = SmallestTrailer + Trailer.Pack(sequence, 0),
            LargestTrailer = LargestTrailer + Trailer.Pack(sequence, 0),
            SmallestSequence = sequence,
            LargestSequence = sequence,
        };
    }

    /// <summary>Range tombstones in the block of their own; they are no entries.</summary>
    public long RangeTombstoneCount { get; init; }

    /// <summary>True when the largest key is the end of a range tombstone, so that the table holds nothing of that key.</summary>
    public bool IsLargestExclusive => LargestTrailer == Trailer.Newest;

    /// <summary>The key lies behind all of the table, its range tombstones included.</summary>
    public bool EndsBefore(ReadOnlySpan<byte> key)
    {
        int order = LargestKey.AsSpan().SequenceCompareTo(key);
        return order < 0 || (order == 0 && IsLargestExclusive);
    }

    /// <summary>The key lies before all of the table, its range tombstones included.</summary>
    public bool BeginsBehind(ReadOnlySpan<byte> key) => SmallestKey.AsSpan().SequenceCompareTo(key) > 0;

    /// <summary>Something of the table may lie before the key.</summary>
    public bool BeginsBefore(ReadOnlySpan<byte> key) => SmallestKey.AsSpan().SequenceCompareTo(key) < 0;

    /// <summary>The key lies within the table's bounds.</summary>
    public bool MayHold(ReadOnlySpan<byte> key) => !BeginsBehind(key) && !EndsBefore(key);
}
