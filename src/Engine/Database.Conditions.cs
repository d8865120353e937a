using Varve.Commit;
using Varve.Entries;

namespace Varve;

// Writes with conditions.
public sealed partial class Database
{
    /// <summary>The condition of a write without a batch of its own; one at a time, as its operation.</summary>
    [ThreadStatic]
    private static ConditionList? t_singleCondition;

    /// <summary>
    /// Commits a batch if all its conditions hold at its place in the one order of writes; else nothing of it happens. Nobody's write comes
    /// between the conditions and the batch.
    /// </summary>
    /// <param name="batch">Made by this database; unchanged by the call. One without operations only asks its conditions.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>Whether it was written, and if not which condition did not hold.</returns>
    /// <exception cref="CorruptDataException">A file that a condition needs is damaged: the batch did not happen.</exception>
    /// <exception cref="StorageException">The system refused before anything was logged: the batch did not happen.</exception>
    /// <exception cref="CommitOutcomeUnknownException">Logging failed: the batch may exist after the next open.</exception>
    /// <exception cref="MapDroppedException">A map of the batch was dropped after its handle was taken: nothing was written.</exception>
    /// <exception cref="DatabaseReadOnlyException">The database takes no writes.</exception>
    public WriteOutcome TryWrite(WriteBatch batch, Durability? durability = null)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.CheckWritable(this);
        if (batch.Conditions is not { } conditions) return new WriteOutcome(CommitOperations(batch.Buffer, durability), batch.Count);
        return batch.ToOutcome(Commit.TryWrite(batch.Buffer, conditions, CheckWrite(durability)));
    }

    /// <summary>
    /// As <see cref="TryWrite"/>, errors included, without a waiting thread. The batch must not be changed until the task ends.
    /// </summary>
    /// <remarks>
    /// Completes at once where nothing is waited for: no sync, no other writer, no pace. Then the thread that calls has asked the
    /// conditions, which may read a block, and has written.
    /// </remarks>
    /// <param name="batch">Made by this database.</param>
    /// <param name="durability">When the task ends; default: the database's level.</param>
    /// <param name="cancellation">
    /// Takes the write back as long as no leader has taken it, by <see cref="OperationCanceledException"/>.
    /// </param>
    public async ValueTask<WriteOutcome> TryWriteAsync(
        WriteBatch batch, Durability? durability = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.CheckWritable(this);
        cancellation.ThrowIfCancellationRequested();
        if (batch.Conditions is not { } conditions)
            return new WriteOutcome(await WriteAsync(batch, durability, cancellation).ConfigureAwait(false), batch.Count);
        CommitOutcome outcome =
            await Commit.TryWriteAsync(batch.Buffer, conditions, CheckWrite(durability), cancellation).ConfigureAwait(false);
        return batch.ToOutcome(outcome);
    }

    /// <summary>Commits one put under one condition on its key.</summary>
    /// <param name="condition">What to ask.</param>
    /// <param name="map">The map.</param>
    /// <param name="key">The key of both.</param>
    /// <param name="value">What to put.</param>
    /// <param name="expiry">When it expires; 0: never.</param>
    /// <param name="durability">When to return.</param>
    internal CommitOutcome TryPut(
        in SingleCondition condition, MapIdentity map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ulong expiry,
        Durability? durability)
    {
        Limits.CheckKey(key);
        Limits.CheckValue(value);
        if (expiry != 0) Clock.Need();
        BatchBuffer buffer = t_singleOperation ??= new BatchBuffer();
        try
        {
            if (expiry == 0) buffer.AddPut(map, key, value);
            else buffer.AddExpiringPut(map, key, value, expiry);
            return TryCommit(buffer, condition, map, key, durability);
        }
        finally
        {
            buffer.Clear();
        }
    }

    /// <summary>Commits one delete under one condition on its key.</summary>
    internal CommitOutcome TryDelete(in SingleCondition condition, MapIdentity map, ReadOnlySpan<byte> key, Durability? durability)
    {
        Limits.CheckKey(key);
        BatchBuffer buffer = t_singleOperation ??= new BatchBuffer();
        try
        {
            buffer.AddDelete(map, key);
            return TryCommit(buffer, condition, map, key, durability);
        }
        finally
        {
            buffer.Clear();
        }
    }

    private CommitOutcome TryCommit(
        BatchBuffer buffer, in SingleCondition condition, MapIdentity map, ReadOnlySpan<byte> key, Durability? durability)
    {
        ConditionList conditions = t_singleCondition ??= new ConditionList();
        try
        {
            conditions.Add(condition.Kind, map, key, condition.Value, condition.Version);
            return Commit.TryWrite(buffer, conditions, CheckWrite(durability));
        }
        finally
        {
            conditions.Clear();
        }
    }

    /// <summary>A condition on the key that is written.</summary>
    internal readonly ref struct SingleCondition(ConditionKind kind, ReadOnlySpan<byte> value = default, ulong version = 0)
    {
        public ConditionKind Kind { get; } = kind;

        public ReadOnlySpan<byte> Value { get; } = value;

        public ulong Version { get; } = version;
    }
}
