using Varve.Commit;
using Varve.Entries;
using Varve.Reading;

namespace Varve;

// Reading and writing.
public sealed partial class Database
{
    private const int CursorShare = 4;

    /// <summary>One operation at a time goes through it: a put or delete without a batch of its own.</summary>
    [ThreadStatic]
    private static BatchBuffer? t_singleOperation;

    /// <summary>An empty batch for this database.</summary>
    public WriteBatch CreateBatch()
    {
        ThrowIfClosed();
        return new WriteBatch(this);
    }

    /// <summary>Commits a batch: all of it or nothing, in one place of the one order of writes.</summary>
    /// <param name="batch">Made by this database; unchanged by the call. An empty batch is no write.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>The sequence of the batch's last operation; the latest one for an empty batch.</returns>
    /// <exception cref="StorageException">The system refused before anything was logged: the batch did not happen.</exception>
    /// <exception cref="CommitOutcomeUnknownException">Logging failed: the batch may exist after the next open.</exception>
    /// <exception cref="MapDroppedException">A map of the batch was dropped after its handle was taken: nothing was written.</exception>
    /// <exception cref="DatabaseReadOnlyException">The database takes no writes.</exception>
    /// <exception cref="InvalidOperationException">The batch has conditions: <see cref="TryWrite"/> asks them.</exception>
    public ulong Write(WriteBatch batch, Durability? durability = null)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.CheckWritable(this);
        batch.CheckUnconditional();
        return CommitOperations(batch.Buffer, durability);
    }

    /// <summary>
    /// As <see cref="Write"/>, errors included, without a waiting thread. The batch must not be changed until the task ends.
    /// </summary>
    /// <remarks>
    /// Completes at once where nothing is waited for: no sync, no other writer, no pace. Then the thread that calls has written.
    /// </remarks>
    /// <param name="batch">Made by this database.</param>
    /// <param name="durability">When the task ends; default: the database's level.</param>
    /// <param name="cancellation">
    /// Takes the write back as long as no leader has taken it, by <see cref="OperationCanceledException"/>.
    /// </param>
    public ValueTask<ulong> WriteAsync(WriteBatch batch, Durability? durability = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.CheckWritable(this);
        batch.CheckUnconditional();
        BatchBuffer buffer = batch.Buffer;
        Durability level = CheckWrite(durability);
        cancellation.ThrowIfCancellationRequested();
        if (buffer.Count == 0) return new ValueTask<ulong>(LatestSequence);
        return Commit.RunAsync(buffer, level, cancellation);
    }

    /// <summary>Makes every write acknowledged so far survive a power cut.</summary>
    /// <exception cref="CommitOutcomeUnknownException">The sync failed; the database takes no writes until the next open.</exception>
    public void Sync()
    {
        ThrowIfClosed();
        if (DurableSequence < LatestSequence) Commit.Run(CommitKind.Sync);
    }

    /// <summary>Returns when everything up to a sequence survives a power cut; syncs where nobody else does.</summary>
    /// <param name="sequence">As <see cref="Write"/> returned it.</param>
    /// <exception cref="ArgumentOutOfRangeException">No write has this sequence yet.</exception>
    public void WaitForDurable(ulong sequence)
    {
        ThrowIfClosed();
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sequence, LatestSequence);
        if (DurableSequence < sequence) Commit.Run(CommitKind.Sync);
    }

    internal Cursor OpenCursor(MapIdentity map, ScanBounds bounds, Snapshot? snapshot)
    {
        ThrowIfClosed();
        CheckPinnedMemory();

        // A registered moment comes before the view: see ReadViews.
        SnapshotList.Registration moment = snapshot is null ? _store.Snapshots.Take() : snapshot.Share(this);
        ReadView? view = null;
        try
        {
            view = Views.Pin();
            return new Cursor(this, map, bounds, view, moment);
        }
        catch
        {
            view?.Release();
            ReturnMoment(moment);
            throw;
        }
    }

    /// <summary>
    /// Cursors that stand still, and leases, keep the memtables of their moment, and all of them the blocks they stand on. Past a
    /// quarter of the budget, or of the cache, no further one is opened. Those that are open may pin more when they are sought later.
    /// </summary>
    internal void CheckPinnedMemory()
    {
        long outlivedBytes = Views.GetOutlivedBytes();
        if (outlivedBytes > Options.MemoryBudgetBytes / CursorShare)
        {
            throw new MemoryBudgetException(
                $"Open cursors that have not moved keep {outlivedBytes:N0} bytes of memtables, more than a quarter of "
                + "DatabaseOptions.MemoryBudgetBytes. Dispose them, move them, or raise the budget.");
        }

        long blockBytes = _store.Cache.CursorBytes;
        if (blockBytes > _store.Cache.CapacityBytes / CursorShare)
        {
            throw new MemoryBudgetException(
                $"Open cursors stand on {blockBytes:N0} bytes of blocks, more than a quarter of the block cache of "
                + $"{_store.Cache.CapacityBytes:N0}. Dispose those that are not needed, or raise DatabaseOptions.MemoryBudgetBytes.");
        }
    }

    internal void ReturnMoment(SnapshotList.Registration moment) => _store.Snapshots.Return(moment);

    /// <summary>Commits one put.</summary>
    internal ulong Put(MapIdentity map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, Durability? durability)
    {
        Limits.CheckKey(key);
        Limits.CheckValue(value);
        if (value.Length >= BatchBuffer.BorrowedBytesMin) return PutBorrowed(map, key, value, durability);
        BatchBuffer buffer = t_singleOperation ??= new BatchBuffer();
        try
        {
            buffer.AddPut(map, key, value);
            return CommitOperations(buffer, durability);
        }
        finally
        {
            buffer.Clear();
        }
    }

    /// <summary>Logs and applies a large value from where it stands: this thread waits until both are done.</summary>
    private unsafe ulong PutBorrowed(MapIdentity map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, Durability? durability)
    {
        BatchBuffer buffer = t_singleOperation ??= new BatchBuffer();
        fixed (byte* pinned = value)
        {
            try
            {
                buffer.AddBorrowedPut(map, key, pinned, value.Length);
                return CommitOperations(buffer, durability);
            }
            finally
            {
                buffer.Clear();
            }
        }
    }

    /// <summary>For a batch of any size.</summary>
    internal BatchBuffer CreateBuffer() => new(_store.Setup.Pool, Limits.BatchBytesMax);

    /// <summary>Commits one put that expires.</summary>
    internal ulong PutUntil(MapIdentity map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ulong expiry, Durability? durability)
    {
        Limits.CheckKey(key);
        Limits.CheckValue(value);
        BatchBuffer buffer = t_singleOperation ??= new BatchBuffer();
        try
        {
            Clock.Need();
            buffer.AddExpiringPut(map, key, value, expiry);
            return CommitOperations(buffer, durability);
        }
        finally
        {
            buffer.Clear();
        }
    }

    /// <summary>Commits one delete.</summary>
    internal ulong Delete(MapIdentity map, ReadOnlySpan<byte> key, Durability? durability)
    {
        Limits.CheckKey(key);
        BatchBuffer buffer = t_singleOperation ??= new BatchBuffer();
        try
        {
            buffer.AddDelete(map, key);
            return CommitOperations(buffer, durability);
        }
        finally
        {
            buffer.Clear();
        }
    }

    /// <summary>Commits one range delete; nothing where the range is empty.</summary>
    internal ulong DeleteRange(MapIdentity map, ReadOnlySpan<byte> start, ReadOnlySpan<byte> end, Durability? durability)
    {
        BatchBuffer buffer = t_singleOperation ??= new BatchBuffer();
        try
        {
            RangeOperations.AddDeleteRange(buffer, map, start, end);
            return CommitOperations(buffer, durability);
        }
        finally
        {
            buffer.Clear();
        }
    }

    /// <summary>Commits one delete of all keys with a prefix.</summary>
    internal ulong DeletePrefix(MapIdentity map, ReadOnlySpan<byte> prefix, Durability? durability)
    {
        BatchBuffer buffer = t_singleOperation ??= new BatchBuffer();
        try
        {
            RangeOperations.AddDeletePrefix(buffer, map, prefix);
            return CommitOperations(buffer, durability);
        }
        finally
        {
            buffer.Clear();
        }
    }

    internal CommitQueue Commit => _store.Commit
        ?? throw new DatabaseReadOnlyException($"The database in '{Directory}' was opened for reading only.");

    private ulong CommitOperations(BatchBuffer buffer, Durability? durability)
    {
        Durability level = CheckWrite(durability);
        return buffer.Count == 0 ? LatestSequence : Commit.Run(CommitKind.Write, buffer, level);
    }

    private Durability CheckWrite(Durability? durability)
    {
        ThrowIfClosed();
        if (durability is not { } asked) return Options.Durability;
        if (Enum.IsDefined(asked)) return asked;
        throw new ArgumentOutOfRangeException(nameof(durability), asked, "No such durability level.");
    }
}
