namespace Varve.Log;

/// <summary>The log's constants on disk and the arithmetic of cutting records into frames (docs/formats/log.md).</summary>
internal static class LogFormat
{
    public const uint Version = 1;

    /// <summary>Bytes before the first frame: a page of its own, so that no append rewrites the page the header stands in.</summary>
    public const int HeaderAreaBytes = 4096;

    /// <summary>The longest payload of one frame: bounds what a reader must hold before it knows that a frame is whole.</summary>
    public const int FramePayloadBytesMax = 64 * 1024;

    public const int FrameAlignment = sizeof(ulong);

    /// <summary>No place in a segment lies behind this: more than any slot has.</summary>
    public const long OffsetMax = 1L << 40;

    public const int FrameBytesMax = LogFrame.HeaderBytes + FramePayloadBytesMax;

    /// <summary>A segment's size is a multiple of this, and at least two of it.</summary>
    public const int SegmentGranularityBytes = 4096;

    /// <summary>The salt of one segment: every incarnation of a slot file has another (the finalizer of SplitMix64).</summary>
    public static ulong SegmentSalt(LogEra era, long segment)
    {
        ulong mixed = era.Salt + (ulong)segment * 0x9E3779B97F4A7C15;
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB;
        return mixed ^ mixed >> 31;
    }

    /// <summary>The other way round: the salt of the era that a segment belongs to. For a log whose manifest is lost.</summary>
    public static ulong EraSaltOf(ulong segmentSalt, long segment)
    {
        ulong mixed = (segmentSalt ^ segmentSalt >> 31 ^ segmentSalt >> 62) * 0x319642B2D24D8EC3;
        mixed = (mixed ^ mixed >> 27 ^ mixed >> 54) * 0x96DE1B173F119089;
        mixed = mixed ^ mixed >> 30 ^ mixed >> 60;
        return mixed - (ulong)segment * 0x9E3779B97F4A7C15;
    }

    public static long RoundUpToGranularity(long bytes) => (bytes + SegmentGranularityBytes - 1) & -SegmentGranularityBytes;

    public static int FrameBytes(int payloadBytes) =>
        (LogFrame.HeaderBytes + payloadBytes + FrameAlignment - 1) & -FrameAlignment;

    /// <summary>
    /// How many of a record's remaining payload bytes the next frame takes, given the bytes left in the segment; −1 when the segment
    /// is full. The last piece of a record may be empty only if the record is.
    /// </summary>
    public static int NextPieceBytes(long segmentBytesLeft, int payloadBytesLeft)
    {
        long room = Math.Min(segmentBytesLeft - LogFrame.HeaderBytes, FramePayloadBytesMax);
        if (room < 0 || (room == 0 && payloadBytesLeft > 0)) return -1;
        return (int)Math.Min(room, payloadBytesLeft);
    }

    /// <summary>How many further segments a record needs when so many bytes are left in the current one.</summary>
    public static int CountFurtherSegments(long segmentBytesLeft, int payloadBytes, long segmentBytes)
    {
        int segments = 0;
        int left = payloadBytes;
        do
        {
            int piece = NextPieceBytes(segmentBytesLeft, left);
            if (piece < 0)
            {
                segments++;
                segmentBytesLeft = segmentBytes - HeaderAreaBytes;
                piece = NextPieceBytes(segmentBytesLeft, left);
            }

            left -= piece;
            segmentBytesLeft -= FrameBytes(piece);
        }
        while (left > 0);

        return segments;
    }
}
