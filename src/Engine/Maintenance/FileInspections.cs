namespace Varve;

/// <summary>A slot of the log as far as it can be read.</summary>
public sealed record LogInspection
{
    /// <summary>The file.</summary>
    public required string Path { get; init; }

    /// <summary>Its length; it is allocated whole before it is used.</summary>
    public required long Bytes { get; init; }

    /// <summary>What its first page says; null when that cannot be read.</summary>
    public required LogHeader? Header { get; init; }

    /// <summary>Whole frames found.</summary>
    public required long Frames { get; init; }

    /// <summary>Batches whose last piece is here.</summary>
    public required long Records { get; init; }

    /// <summary>Operations of the batches that are here as a whole.</summary>
    public required long Operations { get; init; }

    /// <summary>The first sequence of a frame with a batch; null when there is none.</summary>
    public required ulong? FirstSequence { get; init; }

    /// <summary>The last sequence of a batch that ends here; null when there is none.</summary>
    public required ulong? LastSequence { get; init; }

    /// <summary>Where the last whole frame ends.</summary>
    public required long ValidBytes { get; init; }

    /// <summary>What stands there.</summary>
    public required LogEnding Ending { get; init; }

    /// <summary>Everything wrong.</summary>
    public required IReadOnlyList<InspectionProblem> Problems { get; init; }
}

/// <summary>What the first page of a log slot says.</summary>
public sealed record LogHeader
{
    /// <summary>The database's identity, 32 hexadecimal digits.</summary>
    public required string DatabaseId { get; init; }

    /// <summary>The number of the slot.</summary>
    public required long Slot { get; init; }

    /// <summary>The number of the segment; 0 in a spare slot, which never held one.</summary>
    public required long Segment { get; init; }

    /// <summary>The segment before it; 0 in the first one of an open.</summary>
    public required LogPosition Predecessor { get; init; }

    /// <summary>The first sequence of the first batch that begins here.</summary>
    public required ulong FirstSequence { get; init; }

    /// <summary>Everything up to it was on the device when the segment began.</summary>
    public required ulong DurableMark { get; init; }
}

/// <summary>What stands behind the last whole frame of a log segment.</summary>
public enum LogEnding
{
    /// <summary>No frame of this segment: nothing yet, or what the slot held before.</summary>
    Unused = 0,

    /// <summary>The beginning of a frame that was never finished, or is damaged.</summary>
    BrokenFrame = 1,

    /// <summary>The file's end.</summary>
    Full = 2,
}

/// <summary>What a frame of the log holds.</summary>
public enum LogFrameKind
{
    /// <summary>A whole batch.</summary>
    Full = 1,

    /// <summary>The first piece of one.</summary>
    First = 2,

    /// <summary>A piece within.</summary>
    Middle = 3,

    /// <summary>The last piece.</summary>
    Last = 4,

    /// <summary>Nothing: it says how far an idle log is durable.</summary>
    Mark = 5,
}

/// <summary>A frame of the log.</summary>
/// <param name="Offset">Where it begins.</param>
/// <param name="Kind">What it holds.</param>
/// <param name="PayloadBytes">Bytes of the batch in it.</param>
/// <param name="FirstSequence">Of the batch.</param>
/// <param name="SequenceCount">Operations of the batch.</param>
/// <param name="DurableMark">Everything up to it was on the device when the frame was written.</param>
public sealed record LogFrameInspection(
    long Offset, LogFrameKind Kind, int PayloadBytes, ulong FirstSequence, long SequenceCount, ulong DurableMark);

/// <summary>A table file as far as it can be read.</summary>
public sealed record TableInspection
{
    /// <summary>The file.</summary>
    public required string Path { get; init; }

    /// <summary>Its length.</summary>
    public required long Bytes { get; init; }

    /// <summary>The database's identity, 32 hexadecimal digits; null when the footer cannot be read, and with it nothing else.</summary>
    public required string? DatabaseId { get; init; }

    /// <summary>Whether it was written with compression.</summary>
    public required bool IsCompressed { get; init; }

    /// <summary>What the table says of itself; null when that cannot be read.</summary>
    public required TableSummary? Summary { get; init; }

    /// <summary>The blocks found, sound or not, in the order they are found in.</summary>
    public required IReadOnlyList<BlockInspection> Blocks { get; init; }

    /// <summary>Entries in sound blocks, old versions and tombstones included.</summary>
    public required long Entries { get; init; }

    /// <summary>Tombstones among them.</summary>
    public required long Tombstones { get; init; }

    /// <summary>Values that stand in blocks of their own.</summary>
    public required long SeparateValues { get; init; }

    /// <summary>Everything wrong.</summary>
    public required IReadOnlyList<InspectionProblem> Problems { get; init; }
}

/// <summary>What a table says of itself.</summary>
public sealed record TableSummary
{
    /// <summary>Entries, old versions and tombstones included.</summary>
    public required long Entries { get; init; }

    /// <summary>Tombstones among them.</summary>
    public required long Tombstones { get; init; }

    /// <summary>Key and value bytes before compression.</summary>
    public required long ContentBytes { get; init; }

    /// <summary>Of its first entry.</summary>
    public required InspectedKey SmallestKey { get; init; }

    /// <summary>Of its last entry.</summary>
    public required InspectedKey LargestKey { get; init; }

    /// <summary>The oldest sequence in it.</summary>
    public required ulong SmallestSequence { get; init; }

    /// <summary>The newest sequence in it.</summary>
    public required ulong LargestSequence { get; init; }

    /// <summary>Filter bits a key; 0 without filters.</summary>
    public required long FilterBitsPerKey { get; init; }
}

/// <summary>What a block of a table is for.</summary>
public enum TableBlockKind
{
    /// <summary>Entries.</summary>
    Data = 0,

    /// <summary>Finds data blocks.</summary>
    Index = 1,

    /// <summary>Tells which keys are not there.</summary>
    Filter = 2,

    /// <summary>Finds indexes and filters.</summary>
    TopIndex = 3,

    /// <summary>What the table says of itself.</summary>
    Properties = 4,
}

/// <summary>A block of a table.</summary>
/// <param name="Kind">What it is for.</param>
/// <param name="Offset">Where it begins.</param>
/// <param name="StoredBytes">Its bytes in the file, checksum included.</param>
/// <param name="RawBytes">Its bytes once decompressed; 0 when it is damaged.</param>
/// <param name="Entries">Entries of a data block; 0 otherwise.</param>
/// <param name="IsSound">Whether checksum and form hold.</param>
public sealed record BlockInspection(TableBlockKind Kind, long Offset, long StoredBytes, long RawBytes, int Entries, bool IsSound);

/// <summary>An entry of an inspected table, or an operation of an inspected log. Its spans are valid during the call.</summary>
public readonly ref struct InspectedEntry
{
    /// <summary>The map's id; 0 is the catalogue of names.</summary>
    public required ulong MapId { get; init; }

    /// <summary>The key within the map.</summary>
    public required ReadOnlySpan<byte> Key { get; init; }

    /// <summary>The entry's place in the one order of writes.</summary>
    public required ulong Sequence { get; init; }

    /// <summary>
    /// What it does: 0 deletes the key, 1 puts it, 2 deletes a range of keys, 3 says that tables were ingested. Ranges and ingests stand
    /// only in logs.
    /// </summary>
    public required byte Kind { get; init; }

    /// <summary>
    /// Its value; empty when that stands in a block that is damaged. Of a range its end within the map, exclusive, empty at the map's end;
    /// of an ingest its last key.
    /// </summary>
    public required ReadOnlySpan<byte> Value { get; init; }

    /// <summary>When the entry of a put expires; null: never.</summary>
    public DateTimeOffset? Expiry { get; init; }
}

/// <summary>Is given one entry after another.</summary>
public delegate void InspectedEntryAction(InspectedEntry entry);
