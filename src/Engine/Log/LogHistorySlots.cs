using Varve.Files;

namespace Varve.Log;

/// <summary>A slot that holds a segment of a past era, as its header says; the header's checksum and salt have been checked.</summary>
internal readonly record struct FoundSlot(int Number, LogSegmentHeader Header, long FileBytes)
{
    public bool CanEndAt(long validBytes) =>
        validBytes >= LogFormat.HeaderAreaBytes && validBytes <= FileBytes && validBytes % LogFormat.FrameAlignment == 0;
}

/// <summary>Looks through the slot files for segments of past eras. A slot that does not fit is none of them, which is no error.</summary>
internal static class LogHistorySlots
{
    /// <summary>By segment number.</summary>
    public static Dictionary<long, FoundSlot> Find(LogContext context, IReadOnlyList<LogPastEra> eras)
    {
        var found = new Dictionary<long, FoundSlot>();
        Span<byte> bytes = stackalloc byte[LogSegmentHeader.SizeBytes];
        foreach (string name in context.Files.ListFiles(context.Directory))
        {
            if (!FileNames.TryParseLogSlot(name, out int slot) || name != FileNames.LogSlot(slot)) continue;
            using IFile file = context.Files.Open(context.SlotPath(slot), FileOpening.Read);
            int length = file.Read(bytes, 0);
            if (!LogSegmentHeader.TryRead(bytes[..length], out LogSegmentHeader header)) continue;
            bool fits = header.DatabaseId == context.DatabaseId
                && header.Version == LogFormat.Version
                && header.Slot == slot
                && header.FirstSequence > 0
                && IsOf(eras, header);
            if (fits) found[header.Number] = new FoundSlot(slot, header, file.Length);
        }

        return found;
    }

    private static bool IsOf(IReadOnlyList<LogPastEra> eras, in LogSegmentHeader header)
    {
        foreach (LogPastEra era in eras)
        {
            if (header.Number < era.Era.FirstSegment || header.Number > era.End.Segment) continue;
            return header.Salt == LogFormat.SegmentSalt(era.Era, header.Number);
        }

        return false;
    }
}
