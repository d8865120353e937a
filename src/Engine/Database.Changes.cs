using System.Runtime.CompilerServices;
using Varve.Feed;

namespace Varve;

// The change feed.
public sealed partial class Database
{
    /// <summary>
    /// The lowest sequence that <see cref="ReadChanges"/> can go on from: everything written behind it is still in the log. It rises as
    /// the log's history is recycled (<see cref="DatabaseOptions.ChangeHistoryBytes"/>).
    /// </summary>
    public ulong OldestChangeSequence
    {
        get
        {
            ThrowIfClosed();
            return _store.Changes.OldestSequence;
        }
    }

    /// <summary>
    /// The batches committed behind a sequence, in the order of commits: first those that the log still has, then each new one as soon as
    /// it survives a power cut.
    /// </summary>
    /// <param name="afterSequence">
    /// The position: the <see cref="ChangeBatch.Sequence"/> seen last, a <see cref="Snapshot.Sequence"/>, or 0 for everything that was ever
    /// written. A sequence inside a batch counts as the one before the batch.
    /// </param>
    /// <param name="options">Default: durable batches only, without an end.</param>
    /// <param name="cancellation">Ends the feed with <see cref="OperationCanceledException"/>.</param>
    /// <returns>
    /// Batches, large ones in pieces. Each enumeration reads on its own, at its own pace; none holds up a writer. One thread at a time.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException">No write has this sequence yet, or an option is outside its range.</exception>
    /// <exception cref="ChangeHistoryLostException">While enumerating: what comes next is not kept any more.</exception>
    /// <exception cref="ObjectDisposedException">Also while enumerating: the database was closed.</exception>
    /// <exception cref="StorageException">While enumerating: the system refused to read.</exception>
    /// <exception cref="CorruptDataException">While enumerating: a part of the log that recovery would need is damaged.</exception>
    public IAsyncEnumerable<ChangeBatch> ReadChanges(
        ulong afterSequence, ChangeFeedOptions? options = null, CancellationToken cancellation = default)
    {
        CheckFeed(afterSequence, options);
        return FollowChanges(afterSequence, options?.Clone() ?? new ChangeFeedOptions(), cancellation);
    }

    /// <summary>The feed for those who ask instead of waiting.</summary>
    internal ChangeReader CreateChangeReader(ulong afterSequence, ChangeFeedOptions options)
    {
        CheckFeed(afterSequence, options);
        return new ChangeReader(_store.Changes, afterSequence, options.Clone());
    }

    private void CheckFeed(ulong afterSequence, ChangeFeedOptions? options)
    {
        ThrowIfClosed();
        ArgumentOutOfRangeException.ThrowIfGreaterThan(afterSequence, LatestSequence);
        options?.Validate();
    }

    private async IAsyncEnumerable<ChangeBatch> FollowChanges(
        ulong afterSequence, ChangeFeedOptions options, [EnumeratorCancellation] CancellationToken cancellation)
    {
        ChangeSource source = _store.Changes;
        using var reader = new ChangeReader(source, afterSequence, options);
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            if (reader.TryRead(out ChangeBatch? batch))
            {
                yield return batch;
                continue;
            }

            if (options.StopsAtEnd || !source.IsLive) yield break;

            // Before the second look, so that what comes between is not slept over.
            Task progress = source.GetProgress();
            if (reader.TryRead(out batch)) yield return batch;
            else await progress.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }
}
