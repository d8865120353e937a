using System.Diagnostics.CodeAnalysis;
using Varve.Log;

namespace Varve.Feed;

/// <summary>
/// Reads committed batches in their order, one after the other, from the files of the log. Never waits and never holds up a writer. One
/// thread at a time; after an exception it is of no more use.
/// </summary>
/// <param name="source">What to read.</param>
/// <param name="after">The sequence behind which it begins.</param>
/// <param name="options">Validated; not changed any more.</param>
internal sealed class ChangeReader(ChangeSource source, ulong after, ChangeFeedOptions options) : IDisposable
{
    private readonly LogFollower _follower = new(source.Segments, source.Files, after);
    private readonly BatchDecoder _decoder = new(new MapNames(source));
    private readonly ulong _end = options.StopsAtEnd ? source.GetLimit(!options.IncludeNotDurable) : ulong.MaxValue;
    private bool _isFirstPiece;

    /// <summary>The sequence of the last batch that was passed as a whole.</summary>
    public ulong Position => _follower.Position;

    /// <summary>The next batch, or piece of one; false when there is none now.</summary>
    /// <exception cref="ChangeHistoryLostException">What comes next is not kept any more.</exception>
    /// <exception cref="CorruptDataException">The log is damaged.</exception>
    /// <exception cref="StorageException">A file cannot be read.</exception>
    /// <exception cref="ObjectDisposedException">The database was closed.</exception>
    public bool TryRead([NotNullWhen(true)] out ChangeBatch? batch)
    {
        // Before the files are looked at: everything up to the limit is in them.
        ulong limit = Math.Min(source.GetLimit(!options.IncludeNotDurable), _end);
        ulong before = Position;
        while (_follower.TryRead(limit, out LogFrame frame))
        {
            batch = Take(frame, before);
            if (batch is not null) return true;
            before = Position;
        }

        batch = null;
        return false;
    }

    public void Dispose() => _follower.Dispose();

    private ChangeBatch? Take(in LogFrame frame, ulong before)
    {
        if (frame.Type is LogFrameType.Full or LogFrameType.First)
        {
            _decoder.Begin();
            _isFirstPiece = true;
        }

        bool isWhole = frame.Type is LogFrameType.Full or LogFrameType.Last;
        if (!_decoder.TryTake(_follower.Payload) || (isWhole && !IsBatch(frame))) ThrowDamaged(frame, "holds no batch");
        bool isDue = isWhole ? _decoder.Count > 0 || !_isFirstPiece : _decoder.DecodedBytes >= options.PieceBytes;
        if (!isDue) return null;
        if (_decoder.TakeChanges(before) is not { } changes) return ThrowDamaged(frame, "uses a map that has no name");
        var batch = new ChangeBatch(
            frame.FirstSequence, frame.FirstSequence + frame.SequenceCount - 1, changes, _isFirstPiece, isLastPiece: isWhole);
        _isFirstPiece = false;
        return batch;
    }

    private bool IsBatch(in LogFrame frame) => _decoder.IsWhole && _decoder.OperationCount == frame.SequenceCount;

    [DoesNotReturn]
    private ChangeBatch ThrowDamaged(in LogFrame frame, string detail) =>
        throw new CorruptDataException(_follower.Path, _follower.Offset, $"the log's record of sequence {frame.FirstSequence} {detail}");
}
