using Varve.Bytes;
using Varve.Entries;
using Varve.Files;
using Varve.Tables;

namespace Varve.Maintenance;

/// <summary>
/// Reads a table from its footer to its blocks, each by itself: a damaged one hides only what it leads to. Where it is told what the
/// manifest says of the table, it compares that too.
/// </summary>
internal sealed unsafe partial class TableInspector : IDisposable
{
    private const int ChecksumPieceBytes = 256 << 10;

    private readonly string _path;
    private readonly InspectedEntryAction? _onEntry;
    private readonly IFile _file;
    private readonly long _fileBytes;
    private readonly ProblemList _problems = new();
    private readonly List<BlockInspection> _blocks = [];
    private readonly List<LostKeys> _lost = [];
    private ulong _salt;

    public TableInspector(IFileSystem files, string path, InspectedEntryAction? onEntry)
    {
        _path = path;
        _onEntry = onEntry;
        _file = files.Open(path, FileOpening.Read);
        _fileBytes = _file.Length;
    }

    /// <summary>What the manifest says of the table; null: nothing is known.</summary>
    public TableInfo? Expected { get; init; }

    /// <summary>Whose table it must be; null: anybody's.</summary>
    public DatabaseId? ExpectedOwner { get; init; }

    /// <summary>Given every sound entry.</summary>
    public StoredEntryAction? OnStored { get; init; }

    /// <summary>Told the bytes of the file that were read, now and then.</summary>
    public IProgress<long>? Progress { get; init; }

    public IReadOnlyList<InspectionProblem> Problems => _problems.Problems;

    /// <summary>Keys that damaged places may have held.</summary>
    public IReadOnlyList<LostKeys> Lost => _lost;

    public TableFooter Footer { get; private set; }

    /// <summary>What the table says of itself; null when that cannot be read.</summary>
    public TableProperties? Properties { get; private set; }

    /// <summary>Its range tombstones; null when they cannot be read.</summary>
    public RangeTombstones? Ranges { get; private set; }

    /// <summary>CRC32C of the whole file; computed where the manifest's statement is known, or the table is sound otherwise.</summary>
    public uint FileChecksum { get; private set; }

    public long Entries => _entries;

    public TableInspection Run(CancellationToken cancellation)
    {
        bool hasFooter = TryReadFooter(out TableFooter footer);
        if (hasFooter)
        {
            Footer = footer;
            _salt = footer.Salt;
            CheckOwner(footer);
            Properties = ReadProperties(footer.Properties);
            Ranges = ReadRanges(footer.RangeTombstones);
            if (ReadTopIndex(footer.TopIndex) is { } top) ReadPartitions(top, cancellation);
            else ReadFoundPartitions(footer.TopIndex.Offset, cancellation);
            if (Properties is not null && Ranges is not null && Problems.Count == 0) CheckContent(Properties, Ranges);
        }
        else
        {
            _salt = Expected?.Salt ?? 0;
            long offset = Math.Max(0, _fileBytes - TableFooter.SizeBytes);
            if (Expected is not null) ReadFoundPartitions(offset, cancellation);
            else Lose(null, null, offset, "the footer cannot be read");
        }

        if (Problems.Count == 0) CheckFile(cancellation);
        return new TableInspection
        {
            Path = _path,
            Bytes = _fileBytes,
            DatabaseId = hasFooter ? footer.DatabaseId.ToString() : null,
            IsCompressed = footer.IsCompressed,
            Summary = Properties is null ? null : Describe(Properties),
            Blocks = _blocks,
            Entries = _entries,
            Tombstones = _tombstones,
            SeparateValues = _separateValues,
            Problems = _problems.Problems,
        };
    }

    /// <summary>What is wrong with the last bytes of a table; null when nothing is.</summary>
    public static string? FindFooterProblem(IFileSystem files, string path)
    {
        using var inspector = new TableInspector(files, path, onEntry: null);
        inspector.TryReadFooter(out _);
        return inspector._problems.Problems.Count > 0 ? inspector._problems.Problems[0].Detail : null;
    }

    /// <summary>What a manifest would say of a sound table.</summary>
    public TableInfo ToInfo(long number) => Properties!.ToInfo(number, Footer.Salt, _fileBytes, FileChecksum, Footer.IsCompressed);

    public void Dispose() => _file.Dispose();

    private void Lose(byte[]? first, byte[]? last, long offset, string detail) => _lost.Add(new LostKeys(first, last, offset, detail));

    private bool TryReadFooter(out TableFooter footer)
    {
        footer = default;
        Span<byte> bytes = stackalloc byte[TableFooter.SizeBytes];
        long offset = _fileBytes - TableFooter.SizeBytes;
        if (offset < 0 || _file.Read(bytes, offset) != bytes.Length)
        {
            _problems.Add(0, $"{_fileBytes} bytes, shorter than a footer");
            return false;
        }

        if (TableFooter.Read(bytes, offset, out footer) is not { } problem) return true;
        _problems.Add(offset, problem);

        // One that points outside the file is readable all the same.
        return footer != default;
    }

    private void CheckOwner(in TableFooter footer)
    {
        long offset = _fileBytes - TableFooter.SizeBytes;
        if (ExpectedOwner is { } owner && footer.DatabaseId != owner)
            _problems.Add(offset, $"the table belongs to database {footer.DatabaseId}, this one is {owner}");
        if (Expected is { } expected && footer.Salt != expected.Salt)
            _problems.Add(offset, "the table's salt is not the manifest's: a stale or misplaced file");
    }

    private TableProperties? ReadProperties(FileRange range)
    {
        if (ReadWhole(TableBlockKind.Properties, range) is not { } payload) return null;
        if (TableProperties.TryDecode(payload, out TableProperties properties)) return properties;
        _problems.Add(range.Offset, "the properties cannot be decoded");
        return null;
    }

    private RangeTombstones? ReadRanges(FileRange range)
    {
        if (range == default) return RangeTombstones.Empty;
        if (ReadWhole(TableBlockKind.RangeTombstones, range) is { } payload)
        {
            if (RangeTombstoneBlock.TryDecode(payload, out RangeTombstones? ranges)) return ranges;
            _problems.Add(range.Offset, "the range tombstones cannot be decoded");
        }

        return null;
    }

    private TopIndex? ReadTopIndex(FileRange range)
    {
        if (ReadWhole(TableBlockKind.TopIndex, range) is not { } payload) return null;
        if (TopIndex.TryDecode(payload, _fileBytes, out TopIndex? top)) return top;
        _problems.Add(range.Offset, "the top index cannot be decoded");
        return null;
    }

    private byte[]? ReadWhole(TableBlockKind kind, FileRange range)
    {
        if (!range.IsWithin(_fileBytes)) return null;
        byte[] stored = new byte[range.Bytes];
        int payloadBytes = stored.Length - BlockTrailer.SizeBytes;
        bool isSound = _file.Read(stored, range.Offset) == stored.Length
            && BlockTrailer.TryRead(stored, _salt, range.Offset, out BlockCompression compression, out _)
            && compression == BlockCompression.None;
        _blocks.Add(new BlockInspection(kind, range.Offset, range.Bytes, isSound ? payloadBytes : 0, 0, isSound));
        if (isSound) return stored[..payloadBytes];
        _problems.Add(range.Offset, $"the checksum of the {NameOf(kind)} is wrong");
        return null;
    }

    /// <summary>What the table says of itself is what is in it.</summary>
    private void CheckContent(TableProperties properties, RangeTombstones ranges)
    {
        long offset = Footer.Properties.Offset;
        if ((ulong)_entries != properties.EntryCount || (ulong)_tombstones != properties.TombstoneCount)
        {
            string stated = $"the properties say {properties.EntryCount} and {properties.TombstoneCount}";
            _problems.Add(offset, $"{_entries} entries and {_tombstones} tombstones, {stated}");
        }

        if ((ulong)ranges.Count != properties.RangeTombstoneCount)
            _problems.Add(offset, $"{ranges.Count} range tombstones, the properties say {properties.RangeTombstoneCount}");
        ExpirySummary expiries = _expiries.Summarize(_entries);
        if (expiries != properties.Expiries)
            _problems.Add(offset, $"its entries' expiries give {expiries}, the properties say {properties.Expiries}");
        (byte[] smallestKey, ulong smallestTrailer) = (_smallestKey, _smallestTrailer);
        (byte[] largestKey, ulong largestTrailer) = (PreviousKey.ToArray(), _previousTrailer);
        if (!ranges.IsEmpty)
        {
            byte[] start = ranges.Fragments[0].Start;
            byte[] end = ranges.Fragments[^1].End;
            if (_entries == 0 || EntryOrder.Compare(start, Trailer.Newest, smallestKey, smallestTrailer) < 0)
                (smallestKey, smallestTrailer) = (start, Trailer.Newest);
            if (_entries == 0 || EntryOrder.Compare(end, Trailer.Newest, largestKey, largestTrailer) > 0)
                (largestKey, largestTrailer) = (end, Trailer.Newest);
        }

        if (!smallestKey.AsSpan().SequenceEqual(properties.SmallestKey) || smallestTrailer != properties.SmallestTrailer)
            _problems.Add(offset, "the table does not begin where its properties state");
        if (!largestKey.AsSpan().SequenceEqual(properties.LargestKey) || largestTrailer != properties.LargestTrailer)
            _problems.Add(offset, "the table does not end where its properties state");
        ulong smallestSequence = Math.Min(_smallestSequence, ranges.SmallestSequence);
        ulong largestSequence = Math.Max(_largestSequence, ranges.LargestSequence);
        if (smallestSequence != properties.SmallestSequence || largestSequence != properties.LargestSequence)
            _problems.Add(offset, $"sequences {smallestSequence} to {largestSequence}, its properties state others");
    }

    /// <summary>Every byte, padding included, is as it was written.</summary>
    private void CheckFile(CancellationToken cancellation)
    {
        byte[] buffer = new byte[ChecksumPieceBytes];
        uint checksum = 0;
        for (long offset = 0; offset < _fileBytes; offset += buffer.Length)
        {
            cancellation.ThrowIfCancellationRequested();
            int read = _file.Read(buffer, offset);
            checksum = Crc32C.Append(checksum, buffer.AsSpan(0, read));
            Progress?.Report(Math.Min(_fileBytes, offset + read));
        }

        FileChecksum = checksum;
        if (Expected is not { } expected) return;
        if (_fileBytes != expected.FileBytes)
        {
            _problems.Add(0, $"the file has {_fileBytes} bytes, the manifest says {expected.FileBytes}");
            return;
        }

        if (checksum != expected.FileChecksum)
            _problems.Add(0, $"the file's checksum is {checksum:x8}, the manifest says {expected.FileChecksum:x8}");
        TableInfo stated = ToInfo(expected.Number);
        if (stated.LargestSequence == 0) stated = stated.AtSequence(expected.LargestSequence);
        if (DiffersFrom(stated, expected) is { } difference)
            _problems.Add(Footer.Properties.Offset, $"the table and the manifest do not agree on its {difference}");
    }

    private static string? DiffersFrom(TableInfo table, TableInfo manifest)
    {
        bool hasBounds = table.SmallestKey.AsSpan().SequenceEqual(manifest.SmallestKey)
            && table.LargestKey.AsSpan().SequenceEqual(manifest.LargestKey)
            && table.SmallestTrailer == manifest.SmallestTrailer
            && table.LargestTrailer == manifest.LargestTrailer;
        if (!hasBounds) return "bounds";
        if (table.SmallestSequence != manifest.SmallestSequence || table.LargestSequence != manifest.LargestSequence) return "sequences";
        if (table.Expiries != manifest.Expiries) return "expiries";
        bool hasCounts = table.EntryCount == manifest.EntryCount
            && table.TombstoneCount == manifest.TombstoneCount
            && table.RangeTombstoneCount == manifest.RangeTombstoneCount
            && table.ContentBytes == manifest.ContentBytes;
        if (!hasCounts) return "counts";
        return table.IsCompressed == manifest.IsCompressed ? null : "compression";
    }

    private static TableSummary Describe(TableProperties properties) => new()
    {
        Entries = (long)properties.EntryCount,
        Tombstones = (long)properties.TombstoneCount,
        ContentBytes = (long)properties.ContentBytes,
        SmallestKey = InspectedKey.Of(properties.SmallestKey),
        LargestKey = InspectedKey.Of(properties.LargestKey),
        SmallestSequence = properties.SmallestSequence,
        LargestSequence = properties.LargestSequence,
        FilterBitsPerKey = (long)properties.FilterBitsPerKey,
    };

    private static string NameOf(TableBlockKind kind) => kind switch
    {
        TableBlockKind.Data => "data block",
        TableBlockKind.Index => "index",
        TableBlockKind.Filter => "filter",
        TableBlockKind.TopIndex => "top index",
        TableBlockKind.RangeTombstones => "range tombstones",
        _ => "properties",
    };
}
