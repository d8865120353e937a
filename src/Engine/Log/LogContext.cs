using Varve.Bytes;
using Varve.Files;
using Varve.Runtime;

namespace Varve.Log;

/// <summary>
/// Where a log lives and what it belongs to. <see cref="SegmentBytes"/> is a multiple of 4 KiB, 256 KiB to 64 MiB but in tests.
/// </summary>
internal sealed record LogContext(IFileSystem Files, string Directory, DatabaseId DatabaseId, RandomSource Random, long SegmentBytes)
{
    /// <summary>Its mark goes into the header of every segment; null: none does.</summary>
    public StoreClock? Clock { get; init; }

    /// <summary>
    /// What an open may need to have before it gives any back: a manifest, the log's next segment, and a table of what the last one
    /// has. See <see cref="DiskReserve"/>.
    /// </summary>
    public long ReserveBytes => LogFormat.RoundUpToGranularity(2 * SegmentBytes + SegmentBytes / 2);

    /// <summary>A new era with a salt of its own. The manifest must record it durably before its first segment is written.</summary>
    public LogEra CreateEra(long firstSegment) => new(Random.NextUInt64(), firstSegment);

    public string SlotPath(int slot) => Path.Combine(Directory, FileNames.LogSlot(slot));
}

/// <summary>The segments of one log, of one open of the database or several; the manifest keeps it.</summary>
/// <param name="Salt">Random; the salts of the segments derive from it.</param>
/// <param name="FirstSegment">The number of the first segment, at least 1.</param>
internal readonly record struct LogEra(ulong Salt, long FirstSegment);

/// <summary>Where a cleanly closed log ends; the manifest keeps it as the mark of a clean close.</summary>
internal readonly record struct LogEnd(long Segment, long ValidBytes, ulong LastSequence);
