using System.Buffers;
using System.Buffers.Binary;
using Varve.Bytes;
using Varve.Commit;
using Varve.Entries;
using Varve.Files;
using Varve.Log;

namespace Varve.Maintenance;

/// <summary>Sequences that the log should have had, both ends inside.</summary>
internal readonly record struct LostSequences(string FileName, long Offset, ulong First, ulong Last);

/// <summary>The mark of an ingest: what it covered, and when.</summary>
internal readonly record struct IngestMark(byte[] First, byte[] Last, ulong Sequence);

/// <summary>
/// Reads every whole record of a log that recovery refuses, in the order of sequences, also behind damage: as long as something that was
/// written later says that what is missing had been synced. Behind that it is the tail that any crash may take.
/// </summary>
internal sealed class LogSalvage(IFileSystem files, string directory, DatabaseId owner, CancellationToken cancellation)
{
    /// <summary>Segments behind the last readable header whose frames are still looked for.</summary>
    private const int SaltsAhead = 256;

    private readonly List<Slot> _slots = [];
    private readonly List<LostSequences> _lost = [];
    private readonly ArrayBufferWriter<byte> _record = new();
    private LogFrame? _open;
    private ulong _durable;

    /// <summary>The log that the manifest names; null: that of the newest segment. What older ones hold is in tables.</summary>
    public LogEra? Era { get; init; }

    /// <summary>Takes every segment of the database instead, also what an open has left out.</summary>
    public bool ReadsAllEras { get; init; }

    /// <summary>Where the log was closed; null where it was not, or nobody knows.</summary>
    public LogEnd? CleanEnd { get; init; }

    /// <summary>A sequence that a table has: up to it the log had been written, so what is missing of that is no torn tail.</summary>
    public ulong KnownSequence { get; init; }

    public IReadOnlyList<LostSequences> Lost => _lost;

    public List<IngestMark> IngestMarks { get; } = [];

    public long Records { get; private set; }

    /// <summary>The last sequence of the last record.</summary>
    public ulong LastSequence { get; private set; }

    public ulong FirstDelivered { get; private set; }

    public long ClockMark { get; private set; }

    /// <summary>Gives the records above the floor to the sink.</summary>
    public void Run(ulong floor, LogRecordSink? sink)
    {
        using var reader = new LogFrameReader(cancellation);
        if (CleanEnd is null) reader.Window = LogWindowContent.TryRead(files, directory, owner);
        Survey(reader);
        LastSequence = floor;
        _durable = Math.Max(_durable, CleanEnd?.LastSequence ?? 0);
        for (int i = 0; i < _slots.Count; i++)
        {
            long limit = long.MaxValue;
            bool hasSuccessor = i + 1 < _slots.Count && _slots[i + 1].Header is { } next && next.Predecessor == _slots[i].Header?.Number;
            if (hasSuccessor) limit = _slots[i + 1].Header!.Value.PredecessorValidBytes;

            // An era, and a log that an open has kept, goes on above everything that was given out before.
            if (_slots[i].Header is { } begun && (begun.Predecessor == 0 || begun.Resumes))
            {
                Lose(_slots[i], 0, begun.ResumedAfter);
                LastSequence = Math.Max(LastSequence, begun.FirstSequence - 1);
            }

            if (!ReadSlot(reader, _slots[i], limit, sink)) break;
        }

        // What synced frames vouch for and no record has brought.
        if (_durable > LastSequence && _slots.Count > 0) Lose(_slots[^1], 0, _durable);
        else if (_durable > LastSequence) _lost.Add(new LostSequences("", 0, LastSequence + 1, _durable));
        LastSequence = Math.Max(LastSequence, _durable);
    }

    private void Survey(LogFrameReader reader)
    {
        LogEra? era = ReadsAllEras ? null : Era ?? FindNewestEra(reader);
        foreach (string name in files.ListFiles(directory))
        {
            if (!FileNames.TryParseLogSlot(name, out _)) continue;
            string path = Path.Combine(directory, name);
            reader.Open(files, path);
            Slot? slot = reader.TryReadHeader(out LogSegmentHeader header) ? WithHeader(path, header, era) : WithoutHeader(path, era);
            if (slot is null) continue;
            long offset = LogFormat.HeaderAreaBytes;
            while (reader.TryFind(ref offset, long.MaxValue, [slot.Salt], out LogFrame frame))
            {
                _durable = Math.Max(_durable, frame.DurableMark);
                slot.FirstFrame ??= frame;
                offset += frame.TotalBytes;
            }

            if (slot.FirstFrame is not null || slot.Header is not null) _slots.Add(slot);
        }

        _slots.Sort(static (a, b) => a.Order.CompareTo(b.Order));
    }

    /// <summary>The era of the segment with the highest number; null where no header can be read.</summary>
    private LogEra? FindNewestEra(LogFrameReader reader)
    {
        var headers = new List<LogSegmentHeader>();
        foreach (string name in files.ListFiles(directory))
        {
            if (!FileNames.TryParseLogSlot(name, out _)) continue;
            reader.Open(files, Path.Combine(directory, name));
            bool isSegment = reader.TryReadHeader(out LogSegmentHeader header)
                && header.DatabaseId == owner
                && header.Number != LogSegmentHeader.SpareNumber;
            if (isSegment) headers.Add(header);
        }

        if (headers.Count == 0) return null;
        LogSegmentHeader newest = headers.MaxBy(header => header.Number);
        ulong salt = LogFormat.EraSaltOf(newest.Salt, newest.Number);
        headers.RemoveAll(header => LogFormat.EraSaltOf(header.Salt, header.Number) != salt);
        return new LogEra(salt, headers.Min(header => header.Number));
    }

    private Slot? WithHeader(string path, in LogSegmentHeader header, LogEra? era)
    {
        bool isOurs = header.DatabaseId == owner
            && header.Number != LogSegmentHeader.SpareNumber
            && (era is not { } known || header.Salt == LogFormat.SegmentSalt(known, header.Number));
        if (!isOurs) return null;
        _durable = Math.Max(_durable, header.DurableMark);
        ClockMark = Math.Max(ClockMark, header.ClockMark);
        return new Slot(path, header.Salt, header);
    }

    /// <summary>Every frame begins with the segment's salt, so the first one tells it where the header does not.</summary>
    private Slot? WithoutHeader(string path, LogEra? era)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        using (IFile file = files.Open(path, FileOpening.Read))
        {
            if (file.Read(word, LogFormat.HeaderAreaBytes) != word.Length) return null;
        }

        ulong salt = BinaryPrimitives.ReadUInt64LittleEndian(word);
        if (salt == 0) return null;
        if (era is not { } known) return new Slot(path, salt, null);
        long last = known.FirstSegment + SaltsAhead;
        foreach (Slot slot in _slots) last = Math.Max(last, (slot.Header?.Number ?? 0) + SaltsAhead);
        for (long number = known.FirstSegment; number <= last; number++)
        {
            if (LogFormat.SegmentSalt(known, number) == salt) return new Slot(path, salt, null);
        }

        return null;
    }

    /// <summary>False when the log ends here.</summary>
    private bool ReadSlot(LogFrameReader reader, Slot slot, long limit, LogRecordSink? sink)
    {
        reader.Open(files, slot.Path);
        long offset = LogFormat.HeaderAreaBytes;
        while (reader.TryFind(ref offset, limit, [slot.Salt], out LogFrame frame))
        {
            if (frame.Type is LogFrameType.Full or LogFrameType.First)
            {
                if (!Begin(slot, offset, frame)) return false;
            }

            Assemble(slot, offset, frame, reader.Payload, sink);
            offset += frame.TotalBytes;
        }

        return true;
    }

    /// <summary>A record begins: what should stand before it is there, or is lost. False when it is a tail that was never synced.</summary>
    private bool Begin(Slot slot, long offset, in LogFrame frame)
    {
        _open = null;
        _record.ResetWrittenCount();
        if (frame.SequenceCount is 0 or > int.MaxValue || frame.FirstSequence is 0 or > Trailer.SequenceMax) return true;
        if (frame.FirstSequence > LastSequence + 1)
        {
            if (LastSequence + 1 > Math.Max(_durable, KnownSequence)) return false;
            Lose(slot, offset, frame.FirstSequence - 1);
        }

        _open = frame;
        return true;
    }

    private void Assemble(Slot slot, long offset, in LogFrame frame, ReadOnlySpan<byte> payload, LogRecordSink? sink)
    {
        if (frame.Type == LogFrameType.Mark || _open is not { } open) return;
        if (frame.FirstSequence != open.FirstSequence || frame.RecordOffset != (uint)_record.WrittenCount)
        {
            _open = null;
            return;
        }

        _record.Write(payload);
        if (frame.Type is not (LogFrameType.Full or LogFrameType.Last)) return;
        _open = null;
        ulong last = open.FirstSequence + open.SequenceCount - 1;
        if (last <= LastSequence) return;
        if (BatchReader.IsBatch(_record.WrittenSpan, (int)open.SequenceCount)) Deliver(open, sink);
        else Lose(slot, offset, last);
        LastSequence = last;
    }

    private void Deliver(in LogFrame record, LogRecordSink? sink)
    {
        var reader = new BatchReader(_record.WrittenSpan);
        ulong last = record.FirstSequence + record.SequenceCount - 1;
        while (reader.TryNext())
        {
            if (reader.Kind == EntryKind.Ingest) IngestMarks.Add(new IngestMark(reader.Key.ToArray(), reader.Value.ToArray(), last));
        }

        if (Records++ == 0) FirstDelivered = record.FirstSequence;
        sink?.Invoke(record.FirstSequence, (int)record.SequenceCount, _record.WrittenSpan);
    }

    private void Lose(Slot slot, long offset, ulong last)
    {
        if (last <= LastSequence) return;
        _lost.Add(new LostSequences(Path.GetFileName(slot.Path), offset, LastSequence + 1, last));
        LastSequence = last;
    }

    private sealed class Slot(string path, ulong salt, LogSegmentHeader? header)
    {
        public string Path { get; } = path;

        public ulong Salt { get; } = salt;

        public LogSegmentHeader? Header { get; } = header;

        public LogFrame? FirstFrame { get; set; }

        /// <summary>By what stands in it; the pieces of a long record go on from segment to segment.</summary>
        public (ulong Sequence, uint RecordOffset) Order => FirstFrame is { } frame
            ? (frame.FirstSequence, frame.RecordOffset)
            : (Header!.Value.FirstSequence, 0);
    }
}
