namespace Varve.Sharing;

/// <summary>How far a feed has been given out: from where the next owner is asked for it, and what of that was given already.</summary>
internal sealed class FeedPosition(StoreFeed feed)
{
    private ulong? _after = feed.After;
    private ulong _partial;
    private int _given;
    private int _skipped;

    /// <summary>What to ask an owner for.</summary>
    public StoreFeed Begin()
    {
        _skipped = 0;
        return new StoreFeed
        {
            After = _after,
            Map = feed.Map,
            KeyPrefix = feed.KeyPrefix,
            IncludeNotDurable = feed.IncludeNotDurable,
        };
    }

    /// <summary>What of an item has not been given yet; null: nothing.</summary>
    public ChangeBatch? Advance(in FeedItem item)
    {
        if (item.Batch is not { } batch)
        {
            _after = item.Position;
            return null;
        }

        // Of a batch that was cut short in the middle the first changes were given: all owners show the same ones in the same order.
        bool isPartial = _given > 0 && batch.FirstSequence == _partial;
        int old = isPartial ? Math.Min(_given - _skipped, batch.Changes.Count) : 0;
        _skipped += old;
        bool isNothing = old > 0 && old == batch.Changes.Count && !batch.IsLastPiece;
        if (batch.IsLastPiece)
        {
            _after = batch.Sequence;
            _given = 0;
        }
        else if (!isNothing)
        {
            _given = (isPartial ? _given : 0) + batch.Changes.Count - old;
            _skipped = _given;
            _partial = batch.FirstSequence;
        }

        if (isNothing) return null;
        if (old == 0) return batch;
        return new ChangeBatch(batch.FirstSequence, batch.Sequence, [.. batch.Changes.Skip(old)], isFirstPiece: false, batch.IsLastPiece);
    }
}
