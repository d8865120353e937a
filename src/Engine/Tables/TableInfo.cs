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

    /// <summary>Smallest entry: key and trailer.</summary>
    public required byte[] SmallestKey { get; init; }

    public required ulong SmallestTrailer { get; init; }

    /// <summary>Largest entry: key and trailer.</summary>
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
}
