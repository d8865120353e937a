namespace Varve;

/// <summary>How a repair is done.</summary>
public sealed record RepairOptions
{
    /// <summary>Only tells what would be done and lost; nothing is written. Default false.</summary>
    public bool DryRun { get; init; }
}

/// <summary>What a repair found, did and lost.</summary>
public sealed record RepairReport
{
    /// <summary>The database's directory, as a full path.</summary>
    public required string Directory { get; init; }

    /// <summary>The database's identity, 32 hexadecimal digits.</summary>
    public required string? DatabaseId { get; init; }

    /// <summary>True when nothing was to be written.</summary>
    public required bool IsDryRun { get; init; }

    /// <summary>True when nothing was wrong; then nothing was changed.</summary>
    public required bool WasSound { get; init; }

    /// <summary>What was wrong.</summary>
    public required IReadOnlyList<VerifyProblem> Found { get; init; }

    /// <summary>What cannot be read any more. A key may still show an older value, where one was not yet compacted away.</summary>
    public required IReadOnlyList<RepairLoss> Losses { get; init; }

    /// <summary>What nobody can know: say whether a leftover table brings deleted entries back.</summary>
    public required IReadOnlyList<string> Risks { get; init; }

    /// <summary>Tables that stay as they are.</summary>
    public required int TablesKept { get; init; }

    /// <summary>Damaged tables whose readable entries were copied to new ones.</summary>
    public required int TablesSalvaged { get; init; }

    /// <summary>Tables of unknown place that were merged into new ones.</summary>
    public required int TablesMerged { get; init; }

    /// <summary>Batches taken from a log that an open would have refused; 0 where the log stays as it is.</summary>
    public required long LogRecords { get; init; }

    /// <summary>Maps that have lost their names, by the names they have been given.</summary>
    public required IReadOnlyList<string> RenamedMaps { get; init; }

    /// <summary>Where the replaced files are, below the database's directory; null: none was replaced.</summary>
    public required string? SetAsideIn { get; init; }

    /// <summary>The names of those files.</summary>
    public required IReadOnlyList<string> SetAside { get; init; }

    /// <summary>What a verification found afterwards; empty when the database is sound now. Of a dry run: empty.</summary>
    public required IReadOnlyList<VerifyProblem> Remaining { get; init; }
}

/// <summary>Something that is lost: keys of one map, or sequences of the log.</summary>
public sealed record RepairLoss
{
    /// <summary>The damaged file.</summary>
    public required string FileName { get; init; }

    /// <summary>Where in it, in bytes.</summary>
    public required long Offset { get; init; }

    /// <summary>What is damaged.</summary>
    public required string Detail { get; init; }

    /// <summary>The map; 0 is the catalogue of names. Null when sequences are meant, or all maps.</summary>
    public ulong? MapId { get; init; }

    /// <summary>The map's name; null when it is not known.</summary>
    public string? MapName { get; init; }

    /// <summary>Entries may be missing from this key on; null: from the map's first key.</summary>
    public byte[]? FirstKey { get; init; }

    /// <summary>Up to and with this key; null: to the map's last key.</summary>
    public byte[]? LastKey { get; init; }

    /// <summary>The first write of the log that is lost; null when keys are meant.</summary>
    public ulong? FirstSequence { get; init; }

    /// <summary>The last one.</summary>
    public ulong? LastSequence { get; init; }
}
