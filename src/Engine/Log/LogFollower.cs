using System.Diagnostics.CodeAnalysis;
using Varve.Files;

namespace Varve.Log;

/// <summary>
/// Reads the log's records in order, fragment by fragment, beside the writer and without ever holding it up: segments may be recycled
/// under the reader, which their salts tell. One thread at a time.
/// </summary>
internal sealed class LogFollower : IDisposable
{
    private readonly LogSegments _segments;
    private readonly IFileSystem _files;
    private readonly LogFrameReader _frames;
    private ReadableSegment? _segment;
    private long _offset;

    /// <summary>What the next record must begin with.</summary>
    private ulong _nextSequence;
    private LogFrame _record;
    private bool _isInRecord;

    /// <param name="segments">Where to read.</param>
    /// <param name="files">Opens them.</param>
    /// <param name="after">The sequence behind which reading begins; inside a record: before that record.</param>
    public LogFollower(LogSegments segments, IFileSystem files, ulong after)
    {
        _segments = segments;
        _files = files;
        _frames = new LogFrameReader(CancellationToken.None) { Window = segments.Window };
        Position = after;
    }

    /// <summary>The last sequence of the last record that was passed.</summary>
    public ulong Position { get; private set; }

    /// <summary>The payload of the frame read last; valid until the next read.</summary>
    public ReadOnlySpan<byte> Payload => _frames.Payload;

    /// <summary>The file read last; for errors.</summary>
    public string Path => _segment?.Path ?? "";

    /// <summary>Where in it the next frame begins; for errors.</summary>
    public long Offset => _offset;

    /// <summary>
    /// Reads the next frame of a record that ends at or below a sequence; false when there is none now. The limit must be one that the
    /// writer had handed to the system before the call.
    /// </summary>
    /// <exception cref="ChangeHistoryLostException">What comes next is not kept any more.</exception>
    /// <exception cref="CorruptDataException">A live segment is damaged.</exception>
    /// <exception cref="StorageException">A file cannot be read.</exception>
    public bool TryRead(ulong limit, out LogFrame frame)
    {
        frame = default;
        while (true)
        {
            // What lies behind the limit is not looked at: after a failed sync it may be gone.
            if (Position >= limit && !_isInRecord) return false;
            if (_segment is null)
            {
                if (!TryEnterFirst()) return false;
                continue;
            }

            if (_offset >= _segment.Value.ValidBytes)
            {
                if (!TryGoOn()) return false;
                continue;
            }

            // The next record of this segment may begin behind the limit although the last one ended before it.
            if (!_isInRecord && _nextSequence > limit) return false;
            if (!TryReadFrame(out frame)) continue;
            bool begins = frame.Type is LogFrameType.Full or LogFrameType.First;
            if (begins && LastOf(frame) > limit) return false;
            CheckOrder(frame, begins);
            _offset += frame.TotalBytes;
            if (Passes(frame, begins)) return true;
        }
    }

    public void Dispose() => _frames.Dispose();

    /// <summary>Keeps track of the record; true for a frame that is to be shown.</summary>
    private bool Passes(in LogFrame frame, bool begins)
    {
        if (frame.Type == LogFrameType.Mark) return false;
        if (begins)
        {
            _record = frame;
            _isInRecord = frame.Type == LogFrameType.First;
            _nextSequence = LastOf(frame) + 1;
        }
        else if (!_isInRecord)
        {
            // The rest of a record that began before the segment at which we entered.
            return false;
        }

        bool isShown = LastOf(frame) > Position;
        if (frame.Type is LogFrameType.Full or LogFrameType.Last)
        {
            _isInRecord = false;
            Position = Math.Max(Position, LastOf(frame));
        }

        return isShown;
    }

    private void CheckOrder(in LogFrame frame, bool begins)
    {
        if (frame.Type == LogFrameType.Mark) return;
        bool isRight = begins
            ? !_isInRecord && frame.SequenceCount > 0 && frame.FirstSequence == _nextSequence
            : _isInRecord ? frame.FirstSequence == _record.FirstSequence : frame.FirstSequence < _nextSequence;
        if (!isRight) ThrowLost(Drop($"sequence {frame.FirstSequence} stands where {_nextSequence} is expected"));
    }

    /// <summary>
    /// False where the segment is no more and held nothing behind the position: a mark that nobody synced ends a segment, too.
    /// </summary>
    private bool TryReadFrame(out LogFrame frame)
    {
        ReadableSegment segment = _segment!.Value;
        if (_frames.TryRead(_offset, segment.ValidBytes, segment.Salt, out frame)) return true;
        CorruptDataException? damage = Drop("a log frame does not check out");
        if (_segments.OldestStart > Position) ThrowLost(damage);
        _segment = null;
        return false;
    }

    private bool TryEnterFirst()
    {
        if (!_segments.TryFindStart(Position, out ReadableSegment start))
        {
            if (_segments.OldestStart > Position) ThrowLost();
            return false;
        }

        Enter(start);
        return true;
    }

    /// <summary>At the end of what was known of the segment: there may be more of it, or a next one.</summary>
    private bool TryGoOn()
    {
        ReadableSegment before = _segment!.Value;

        // In this order: where there is a next segment, this one is whole.
        bool hasNext = _segments.TryFindAfter(before.Number, out ReadableSegment next);
        if (_segments.TryFind(before.Number, out ReadableSegment now) && now.ValidBytes > _offset)
        {
            _segment = now;
            _frames.Forget();
            return true;
        }

        if (!hasNext) return false;
        bool follows = _isInRecord
            ? next.Number == before.Number + 1 && next.StartSequence >= LastOf(_record)
            : next.StartSequence <= Position;
        if (!follows) ThrowLost();
        Enter(next);
        return true;
    }

    private void Enter(in ReadableSegment segment)
    {
        _segment = segment;
        _offset = LogFormat.HeaderAreaBytes;
        if (!_isInRecord) _nextSequence = segment.FirstSequence;
        try
        {
            _frames.Open(_files, segment.Path);
        }
        catch (StorageException) when (!IsHeld(segment))
        {
            // Retired and gone meanwhile; where it held nothing behind the position, what comes next is there.
            if (_isInRecord || _segments.OldestStart > Position) ThrowLost();
            _segment = null;
        }
    }

    private bool IsHeld(in ReadableSegment segment) => _segments.TryFind(segment.Number, out _);

    /// <summary>
    /// A slot that was given to another segment reads as damaged, and so does one that was torn when it was retired unsynced: that one is
    /// no history any more. Null: it had been given away.
    /// </summary>
    /// <exception cref="CorruptDataException">The segment is live.</exception>
    private CorruptDataException? Drop(string detail)
    {
        ReadableSegment segment = _segment!.Value;
        if (!_segments.TryFind(segment.Number, out ReadableSegment now)) return null;
        var damage = new CorruptDataException(segment.Path, _offset, detail);
        if (!now.IsRetired) throw damage;
        _segments.DropThrough(segment.Number);
        return damage;
    }

    [DoesNotReturn]
    private void ThrowLost(Exception? cause = null) =>
        throw new ChangeHistoryLostException(Position, _segments.OldestStart, cause);

    private static ulong LastOf(in LogFrame frame) => frame.FirstSequence + frame.SequenceCount - 1;
}
