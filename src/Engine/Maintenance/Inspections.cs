namespace Varve;

/// <summary>Something that is not as it should be in an inspected file.</summary>
/// <param name="Offset">Where in the file, in bytes; 0 when the whole file is meant.</param>
/// <param name="Detail">What was found.</param>
public sealed record InspectionProblem(long Offset, string Detail);

/// <summary>What a file in a database's directory is.</summary>
public enum DatabaseFileKind
{
    /// <summary>Not a file of a database.</summary>
    Unknown = 0,

    /// <summary>Held while the database is open.</summary>
    Lock = 1,

    /// <summary>Names the manifest that counts, or is the next such file before its rename.</summary>
    Current = 2,

    /// <summary>Lists tables and levels.</summary>
    Manifest = 3,

    /// <summary>A sorted table.</summary>
    Table = 4,

    /// <summary>A slot of the log.</summary>
    Log = 5,

    /// <summary>The end of the log that an open database has in memory, and a killed one left there.</summary>
    LogWindow = 6,

    /// <summary>Space kept for an open that finds the disk full; holds nothing.</summary>
    Reserve = 7,
}

/// <summary>A database's directory as its files tell, read without lock.</summary>
public sealed record DirectoryInspection
{
    /// <summary>The directory, as a full path.</summary>
    public required string Directory { get; init; }

    /// <summary>Every file, in the order of names.</summary>
    public required IReadOnlyList<FileInspection> Files { get; init; }

    /// <summary>The manifest that counts; where CURRENT cannot be read, the one with the highest number. Null when there is none.</summary>
    public required ManifestInspection? Manifest { get; init; }

    /// <summary>What is wrong with the directory as a whole: a missing file, a CURRENT that cannot be read.</summary>
    public required IReadOnlyList<string> Problems { get; init; }
}

/// <summary>A file in a database's directory.</summary>
public sealed record FileInspection
{
    /// <summary>Its name in the directory.</summary>
    public required string FileName { get; init; }

    /// <summary>What its name says it is.</summary>
    public required DatabaseFileKind Kind { get; init; }

    /// <summary>Its length.</summary>
    public required long Bytes { get; init; }

    /// <summary>Whether the database's content would suffer without it.</summary>
    public required bool IsNeeded { get; init; }

    /// <summary>What it holds, in a few words.</summary>
    public required string Role { get; init; }

    /// <summary>What its first or last bytes say is wrong; null when nothing is. Only reading all of it tells everything.</summary>
    public required string? Problem { get; init; }
}

/// <summary>A manifest as far as it can be read.</summary>
public sealed record ManifestInspection
{
    /// <summary>The file.</summary>
    public required string Path { get; init; }

    /// <summary>Its length.</summary>
    public required long Bytes { get; init; }

    /// <summary>The number its header states; null when the header cannot be read.</summary>
    public required long? Number { get; init; }

    /// <summary>The database's identity, 32 hexadecimal digits; null when the header cannot be read.</summary>
    public required string? DatabaseId { get; init; }

    /// <summary>The edits that can be read, in order. The first gives the whole state, each later one a change.</summary>
    public required IReadOnlyList<ManifestEdit> Edits { get; init; }

    /// <summary>All edits as one: the state after the last of them.</summary>
    public required ManifestEdit State { get; init; }

    /// <summary>Everything wrong; behind a damaged edit the state is no longer to be relied on.</summary>
    public required IReadOnlyList<InspectionProblem> Problems { get; init; }
}

/// <summary>One edit of a manifest. A null member leaves the state as it was.</summary>
public sealed record ManifestEdit
{
    /// <summary>Where its frame begins.</summary>
    public required long Offset { get; init; }

    /// <summary>Bytes of its frame.</summary>
    public required long Bytes { get; init; }

    /// <summary>Tables that come.</summary>
    public required IReadOnlyList<ManifestTable> Added { get; init; }

    /// <summary>Names of the table files that go, or move.</summary>
    public required IReadOnlyList<string> Removed { get; init; }

    /// <summary>All entries up to it are in tables.</summary>
    public required ulong? FlushedSequence { get; init; }

    /// <summary>No file with this number or a higher one was ever made.</summary>
    public required long? NextFileNumber { get; init; }

    /// <summary>The first log segment of the last open.</summary>
    public required long? LogFirstSegment { get; init; }

    /// <summary>Where the log ended at a clean close; it counts only in the last edit.</summary>
    public required LogPosition? CleanEnd { get; init; }

    /// <summary>No sequence above it was given out in earlier opens.</summary>
    public required ulong? SequenceBound { get; init; }
}

/// <summary>A place in the log.</summary>
/// <param name="Segment">The segment's number.</param>
/// <param name="Offset">Bytes from the segment's beginning.</param>
/// <param name="LastSequence">The last sequence before it.</param>
public sealed record LogPosition(long Segment, long Offset, ulong LastSequence);

/// <summary>A key as tables hold it.</summary>
/// <param name="MapId">The map's id; 0 is the catalogue of names. Null when it cannot be read.</param>
/// <param name="Key">The key within the map; all bytes when there is no map.</param>
public sealed record InspectedKey(ulong? MapId, byte[] Key)
{
    internal static InspectedKey Of(byte[] fullKey) =>
        Bytes.OrderedVarint.TryRead(fullKey, out ulong mapId, out int length)
            ? new InspectedKey(mapId, fullKey[length..])
            : new InspectedKey(null, fullKey);
}

/// <summary>What a manifest says of a table.</summary>
public sealed record ManifestTable
{
    /// <summary>0 to 6.</summary>
    public required int Level { get; init; }

    /// <summary>The file's name in the directory.</summary>
    public required string FileName { get; init; }

    /// <summary>The file's length.</summary>
    public required long Bytes { get; init; }

    /// <summary>Entries, old versions and tombstones included.</summary>
    public required long Entries { get; init; }

    /// <summary>Tombstones among them.</summary>
    public required long Tombstones { get; init; }

    /// <summary>Of its first entry.</summary>
    public required InspectedKey SmallestKey { get; init; }

    /// <summary>Of its last entry.</summary>
    public required InspectedKey LargestKey { get; init; }

    /// <summary>The oldest sequence in it.</summary>
    public required ulong SmallestSequence { get; init; }

    /// <summary>The newest sequence in it.</summary>
    public required ulong LargestSequence { get; init; }

    /// <summary>Whether its blocks are compressed.</summary>
    public required bool IsCompressed { get; init; }
}
