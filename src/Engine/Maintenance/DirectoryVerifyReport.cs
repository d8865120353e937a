namespace Varve;

/// <summary>What a verification of a directory found that was not opened.</summary>
public sealed record DirectoryVerifyReport
{
    /// <summary>The directory, as a full path.</summary>
    public required string Directory { get; init; }

    /// <summary>The database's identity, 32 hexadecimal digits; null when no manifest can be read.</summary>
    public required string? DatabaseId { get; init; }

    /// <summary>True when it was closed in order: damage to the last bytes of the log and the manifest is then found for certain.</summary>
    public required bool WasClosedCleanly { get; init; }

    /// <summary>Tables that the manifest names, or all that are there where it cannot be read.</summary>
    public required int Tables { get; init; }

    /// <summary>Entries seen in tables, old versions and tombstones included.</summary>
    public required long Entries { get; init; }

    /// <summary>Slots of the log.</summary>
    public required int LogSlots { get; init; }

    /// <summary>Batches that an open would take from the log.</summary>
    public required long LogRecords { get; init; }

    /// <summary>Bytes of all files that were read.</summary>
    public required long Bytes { get; init; }

    /// <summary>Every damage and every missing file; empty when the database is sound.</summary>
    public required IReadOnlyList<VerifyProblem> Problems { get; init; }

    /// <summary>What is there but harms nothing: left over by a crash, damaged where nobody reads, unknown.</summary>
    public required IReadOnlyList<VerifyProblem> Notes { get; init; }

    /// <summary>True when the database opens and all of it can be read.</summary>
    public bool IsSound => Problems.Count == 0;
}

/// <summary>Something found in a file of a database or a backup.</summary>
/// <param name="FileName">The file's name in its directory.</param>
/// <param name="Offset">Where in the file, in bytes; 0 when the whole file is meant.</param>
/// <param name="Detail">What was found.</param>
public sealed record VerifyProblem(string FileName, long Offset, string Detail)
{
    internal static VerifyProblem Of(CorruptDataException damage) => new(Path.GetFileName(damage.Path), damage.Offset, damage.Detail);
}
