using System.Buffers;
using System.Buffers.Binary;
using Varve.Commit;
using Varve.Files;
using Varve.Log;

namespace Varve.Maintenance;

/// <summary>Reads one log slot, and goes on behind damage where another frame of the segment begins.</summary>
internal sealed class LogInspector(string path, Action<LogFrameInspection>? onFrame, InspectedEntryAction? onEntry)
{
    private readonly ProblemList _problems = new();

    /// <summary>The pieces of a batch so far.</summary>
    private readonly ArrayBufferWriter<byte> _record = new();
    private LogFrame? _recordFirst;
    private long _frames;
    private long _records;
    private long _operations;
    private ulong? _firstSequence;
    private ulong? _lastSequence;

    public LogInspection Run(IFileSystem files, CancellationToken cancellation)
    {
        long bytes;
        ulong wordBehindHeader;
        using (IFile file = files.Open(path, FileOpening.Read))
        {
            bytes = file.Length;
            wordBehindHeader = ReadWord(file, LogFormat.HeaderAreaBytes);
        }

        using var reader = new LogFrameReader(cancellation);
        reader.Open(files, path);
        bool hasHeader = reader.TryReadHeader(out LogSegmentHeader header);
        if (!hasHeader) _problems.Add(0, "the header cannot be read");
        else CheckHeader(header);

        // Every frame begins with the segment's salt, so the first one tells it where the header does not. A spare has no frames.
        ulong salt = hasHeader ? header.Salt : wordBehindHeader;
        bool hasFrames = bytes > LogFormat.HeaderAreaBytes && salt != 0 && !(hasHeader && header.Number == LogSegmentHeader.SpareNumber);
        long validBytes = hasFrames ? ReadFrames(reader, bytes, salt) : Math.Min(bytes, LogFormat.HeaderAreaBytes);
        if (hasHeader && header.SegmentBytes != bytes && !IsCutForHistory(header, bytes, validBytes))
            _problems.Add(0, $"the file has {bytes} bytes, its header says {header.SegmentBytes}");
        LogEnding ending = LogEnding.Unused;
        if (bytes - validBytes < LogFrame.HeaderBytes) ending = LogEnding.Full;
        else if (hasFrames && ReadWord(files, validBytes) == salt) ending = LogEnding.BrokenFrame;
        return new LogInspection
        {
            Path = path,
            Bytes = bytes,
            Header = hasHeader ? Describe(header) : null,
            Frames = _frames,
            Records = _records,
            Operations = _operations,
            FirstSequence = _firstSequence,
            LastSequence = _lastSequence,
            ValidBytes = validBytes,
            Ending = ending,
            Problems = _problems.Problems,
        };
    }

    public static LogHeader Describe(LogSegmentHeader header) => new()
    {
        DatabaseId = header.DatabaseId.ToString(),
        Slot = header.Slot,
        Segment = header.Number,
        Predecessor = new LogPosition(header.Predecessor, header.PredecessorValidBytes, header.PredecessorLastSequence),
        FirstSequence = header.FirstSequence,
        DurableMark = header.DurableMark,
    };

    private static ulong ReadWord(IFile file, long offset)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        return file.Read(word, offset) == word.Length ? BinaryPrimitives.ReadUInt64LittleEndian(word) : 0;
    }

    private ulong ReadWord(IFileSystem files, long offset)
    {
        using IFile file = files.Open(path, FileOpening.Read);
        return ReadWord(file, offset);
    }

    /// <summary>The last slot of an open that has ended has nothing behind its frames but the rest of a block.</summary>
    private static bool IsCutForHistory(LogSegmentHeader header, long bytes, long validBytes) =>
        bytes < header.SegmentBytes && bytes == LogFormat.RoundUpToGranularity(validBytes);

    private void CheckHeader(LogSegmentHeader header)
    {
        if (header.Version != LogFormat.Version) _problems.Add(0, $"log format version {header.Version}, expected {LogFormat.Version}");
        bool isNamed = FileNames.TryParseLogSlot(Path.GetFileName(path), out int slot);
        if (isNamed && header.Slot != slot) _problems.Add(0, $"the file holds log slot {header.Slot}, it was renamed or copied");
    }

    private long ReadFrames(LogFrameReader reader, long limit, ulong salt)
    {
        long offset = LogFormat.HeaderAreaBytes;
        while (true)
        {
            if (!reader.TryRead(offset, limit, salt, out LogFrame frame))
            {
                long next = offset + LogFormat.FrameAlignment;
                if (!reader.TryFind(ref next, limit, [salt], out frame)) return offset;
                _problems.Add(offset, $"no whole frame from here to offset {next}, where there is one again");
                offset = next;
                _recordFirst = null;
            }

            Enter(frame, reader.Payload, offset);
            offset += frame.TotalBytes;
        }
    }

    private void Enter(LogFrame frame, ReadOnlySpan<byte> payload, long offset)
    {
        _frames++;
        onFrame?.Invoke(new LogFrameInspection(
            offset, (LogFrameKind)frame.Type, frame.PayloadBytes, frame.FirstSequence, frame.SequenceCount, frame.DurableMark));
        if (frame.Type == LogFrameType.Mark) return;
        _firstSequence ??= frame.FirstSequence;
        if (frame.Type is LogFrameType.Full or LogFrameType.First) Begin(frame);

        // A batch that began in another segment is only counted.
        bool isWhole = _recordFirst is { } first
            && first.FirstSequence == frame.FirstSequence
            && frame.RecordOffset == (uint)_record.WrittenCount;
        if (isWhole) _record.Write(payload);
        else _recordFirst = null;
        if (frame.Type is not (LogFrameType.Full or LogFrameType.Last)) return;
        _records++;
        _lastSequence = frame.FirstSequence + frame.SequenceCount - 1;
        if (isWhole) ReadOperations(frame, offset);
        _recordFirst = null;
    }

    private void Begin(LogFrame frame)
    {
        _recordFirst = frame;
        _record.ResetWrittenCount();
    }

    private void ReadOperations(LogFrame frame, long offset)
    {
        var batch = new BatchReader(_record.WrittenSpan);
        uint count = 0;
        while (batch.TryNext())
        {
            ulong sequence = frame.FirstSequence + count++;
            if (InspectedEntries.TryDescribe(batch.Key, sequence, batch.Kind, batch.Value, out InspectedEntry entry))
                onEntry?.Invoke(entry);
            else _problems.Add(offset, $"operation {sequence} has a key without a map");
        }

        _operations += count;
        if (batch.RestBytes > 0) _problems.Add(offset, $"{batch.RestBytes} bytes at the end of the batch are no operations");
        else if (count != frame.SequenceCount) _problems.Add(offset, $"{count} operations, the frame says {frame.SequenceCount}");
    }
}
