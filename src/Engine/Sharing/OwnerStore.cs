using System.Runtime.CompilerServices;

namespace Varve.Sharing;

/// <summary>The database of the owner, as its own process and the others use it.</summary>
internal sealed class OwnerStore(Database database)
{
    /// <summary>A feed that shows nothing of what is written says where it is after so many bytes, or batches, all the same.</summary>
    private const long HiddenBytesMax = 1 << 20;

    private const int HiddenBatchesMax = 1_000;

    public Database Database { get; } = database;

    public EmbeddedStore Embedded { get; } = new(database);

    private DateTimeOffset Now => Database.Options.TimeProvider.GetUtcNow();

    /// <summary>
    /// A batch of another process, or of a time when this one was not the owner. The batch is not needed any more when this returns,
    /// which is before it is committed.
    /// </summary>
    /// <exception cref="CommitOutcomeUnknownException">It is sent again, and too old for its id to be still known.</exception>
    public ValueTask<StoreOutcome> WriteAsync(StoreBatch batch, BatchAttempt attempt, CancellationToken cancellation)
    {
        // Without operations there is nothing that could happen twice.
        if (attempt.Id == Guid.Empty || batch.Operations.Count == 0) attempt = default;
        if (attempt.IsAgain && !BatchIds.IsKnown(attempt.Id, Now))
        {
            throw new CommitOutcomeUnknownException(
                "The connection to the owner of the database was lost while a batch was written, and too much time has passed "
                + "since to know whether it was.", cause: null);
        }

        WriteBatch write = Database.CreateBatch();
        try
        {
            Fill(write, batch, attempt);
        }
        catch
        {
            write.Dispose();
            throw;
        }

        return CommitAsync(write, batch.Durability, attempt.IsAgain, cancellation);
    }

    /// <summary>As that of <see cref="EmbeddedStore"/>, with the position from time to time where nothing is shown.</summary>
    public async IAsyncEnumerable<FeedItem> ReadChangesAsync(
        StoreFeed feed, [EnumeratorCancellation] CancellationToken cancellation)
    {
        ulong after = feed.After ?? Database.LatestSequence;
        var options = new ChangeFeedOptions { IncludeNotDurable = feed.IncludeNotDurable };
        if (feed.After is null) yield return Item(new ChangeBatch(after, after, [], isFirstPiece: true, isLastPiece: true));
        long hiddenBytes = 0;
        int hiddenBatches = 0;
        await foreach (ChangeBatch batch in Database.ReadChanges(after, options, cancellation).ConfigureAwait(false))
        {
            if (feed.Show(batch) is { } shown)
            {
                hiddenBytes = 0;
                hiddenBatches = 0;
                yield return Item(shown);
                continue;
            }

            foreach (Change change in batch.Changes) hiddenBytes += change.Key.Length + change.Value.Length;
            hiddenBatches++;
            if (!batch.IsLastPiece || (hiddenBytes < HiddenBytesMax && hiddenBatches < HiddenBatchesMax)) continue;
            hiddenBytes = 0;
            hiddenBatches = 0;
            yield return new FeedItem(null, batch.Sequence);
        }
    }

    /// <summary>Removes the ids of batches that nobody asks for any more.</summary>
    public async Task RemoveIdsAsync(DateTimeOffset now, CancellationToken cancellation)
    {
        byte[] end = BatchIds.EndOf(now - BatchIds.Kept);
        var range = new StoreRange { Map = SharedMaps.Expiry, Start = BatchIds.All, End = end, Limit = 1 };
        StorePage first = await Embedded.ReadRangeAsync(range, cancellation).ConfigureAwait(false);
        if (first.Entries.Count == 0) return;
        StoreOperation remove = StoreOperation.DeleteRange(SharedMaps.Expiry, BatchIds.All, end);
        var batch = new StoreBatch { Operations = [remove], Durability = Durability.Buffered };
        await Embedded.WriteAsync(batch, cancellation).ConfigureAwait(false);
    }

    private static FeedItem Item(ChangeBatch batch) => new(batch, batch.Sequence);

    private void Fill(WriteBatch write, StoreBatch batch, BatchAttempt attempt)
    {
        if (attempt.Id == Guid.Empty)
        {
            Embedded.Fill(write, batch);
            return;
        }

        // First of all conditions, so that its failure says that the batch was committed, whatever became of the others since.
        SortedMap ids = Database.GetMap(SharedMaps.Expiry);
        byte[] key = BatchIds.KeyOf(attempt.Id);
        if (attempt.IsAgain) write.RequireAbsent(ids, key);
        Embedded.Fill(write, batch);

        // Last of all operations: its version is the sequence of the batch.
        write.Put(ids, key, BatchIds.Value);
    }

    private async ValueTask<StoreOutcome> CommitAsync(
        WriteBatch write, Durability? durability, bool isAgain, CancellationToken cancellation)
    {
        using (write)
        {
            WriteOutcome outcome = await Database.TryWriteAsync(write, durability, cancellation).ConfigureAwait(false);
            if (!isAgain || outcome.IsCommitted) return new StoreOutcome(outcome.IsCommitted, outcome.Sequence, outcome.FailedCondition);
            if (outcome.FailedCondition > 0) return new StoreOutcome(false, 0, outcome.FailedCondition - 1);
            ulong sequence = outcome.ActualVersion.Sequence;
            if ((durability ?? Database.Options.Durability) == Durability.Synced) Database.WaitForDurable(sequence);
            return new StoreOutcome(true, sequence, -1);
        }
    }
}
