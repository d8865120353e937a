using Varve.Bytes;
using Varve.Files;

namespace Varve.Log;

/// <summary>
/// What a process that died has left in the log's window: frames that check out for one place of one segment. Each of them is what was
/// written there, whatever else the window or the slot has lost, so it may always be put in its place.
/// </summary>
internal sealed class LogWindowContent
{
    private readonly LogWindowHeader _header;
    private readonly byte[] _bytes;
    private readonly int _framesBytes;

    private LogWindowContent(in LogWindowHeader header, byte[] bytes)
    {
        _header = header;
        _bytes = bytes;
        ReadOnlySpan<byte> rest = Frames(bytes.Length - LogFormat.HeaderAreaBytes);
        while (LogFrame.TryReadHeader(rest, header.Salt, out LogFrame frame) && frame.TotalBytes <= rest.Length)
        {
            if (!LogFrame.ChecksumHolds(rest[..frame.TotalBytes], header.Salt, header.Offset + _framesBytes)) break;
            rest = rest[frame.TotalBytes..];
            _framesBytes += frame.TotalBytes;
        }
    }

    /// <summary>The number of the segment.</summary>
    public long Segment => _header.Segment;

    /// <summary>The slot that holds the segment; null until it was found.</summary>
    public string? SlotPath { get; private set; }

    /// <summary>Null where there is none, none of this database, or nothing in it.</summary>
    /// <exception cref="StorageException">It cannot be read.</exception>
    public static LogWindowContent? TryRead(IFileSystem files, string directory, DatabaseId owner)
    {
        string path = Path.Combine(directory, FileNames.LogWindow);
        if (!files.FileExists(path)) return null;
        using IFile file = files.Open(path, FileOpening.Read);
        byte[] bytes = new byte[Math.Min(file.Length, LogBuffer.WindowBytes)];
        if (file.Read(bytes, 0) != bytes.Length || bytes.Length <= LogFormat.HeaderAreaBytes) return null;
        if (!LogWindowHeader.TryRead(bytes, out LogWindowHeader header) || header.DatabaseId != owner) return null;
        var content = new LogWindowContent(header, bytes);
        return content._framesBytes > 0 ? content : null;
    }

    /// <summary>Whether it is of the era.</summary>
    public bool IsOf(LogEra era) => Segment >= era.FirstSegment && _header.Salt == LogFormat.SegmentSalt(era, Segment);

    /// <summary>Whether the slot with this header holds the window's segment; it is remembered as the one.</summary>
    public bool Fits(string path, in LogSegmentHeader header)
    {
        if (header.Number != Segment || header.Salt != _header.Salt || header.DatabaseId != _header.DatabaseId) return false;
        SlotPath = path;
        return true;
    }

    /// <summary>Puts its frames over bytes that were read from an offset of the slot.</summary>
    public void CopyOver(Span<byte> bytes, long offset)
    {
        long start = Math.Max(offset, _header.Offset);
        long end = Math.Min(offset + bytes.Length, _header.Offset + _framesBytes);
        if (start >= end) return;
        Frames(_framesBytes).Slice((int)(start - _header.Offset), (int)(end - start)).CopyTo(bytes[(int)(start - offset)..]);
    }

    /// <summary>Writes its frames to the slot, where that was found, as the process would have done; nothing is synced.</summary>
    /// <exception cref="StorageException">The slot cannot be written.</exception>
    public void WriteToSlot(IFileSystem files)
    {
        if (SlotPath is null) return;
        using IFile slot = files.Open(SlotPath, FileOpening.ReadWrite);
        int bytes = (int)Math.Clamp(slot.Length - _header.Offset, 0, _framesBytes);
        slot.Write(Frames(bytes), _header.Offset);
    }

    private ReadOnlySpan<byte> Frames(int bytes) => _bytes.AsSpan(LogFormat.HeaderAreaBytes, bytes);
}
