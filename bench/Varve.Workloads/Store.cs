namespace Varve.Workloads;

/// <summary>How a store is opened: the same for every peer.</summary>
/// <param name="Directory">Where its files are.</param>
/// <param name="BudgetBytes">
/// Varve's one budget. A peer with separate sizes gets a seventh of it a memtable and four sevenths as cache: 64 MB and 256 MB of 448 MB.
/// </param>
/// <param name="IsSynced">Every write is on the device before it is acknowledged; else it has left the process, and nobody syncs.</param>
/// <param name="KeepsLog">A store that writes its log back into its tables by size does not: the log is what a recovery is to meet.</param>
internal sealed record StoreOptions(string Directory, long BudgetBytes, bool IsSynced = false, bool KeepsLog = false)
{
    public long MemtableBytes => BudgetBytes / 7;

    public long CacheBytes => BudgetBytes / 7 * 4;
}

/// <summary>What a workload asks of a store. Spans in, spans out, nothing copied that the peer does not copy itself.</summary>
/// <remarks>One thread at a time; another thread works with what <see cref="ForAnotherThread"/> gives it.</remarks>
internal abstract class Store : IDisposable
{
    /// <summary>Stores an entry; returns when it is as durable as the store was opened for.</summary>
    public abstract void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

    /// <summary>Stores entries of one size atomically, by a reused batch where the peer has such.</summary>
    /// <param name="keys">The keys, one behind the other.</param>
    /// <param name="values">The values, in the same way.</param>
    /// <param name="count">How many.</param>
    public abstract void PutMany(ReadOnlySpan<byte> keys, ReadOnlySpan<byte> values, int count);

    public abstract void Delete(ReadOnlySpan<byte> key);

    /// <summary>Deletes the keys from the start to before the end.</summary>
    public virtual void DeleteRange(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end) =>
        throw new NotSupportedException("This peer has no range deletes.");

    /// <summary>Copies the value; −1 when the key is absent.</summary>
    public abstract int Get(ReadOnlySpan<byte> key, Span<byte> destination);

    /// <summary>
    /// Looks several keys of one length up by the store's own means for that and copies the values; one length each, −1 when absent.
    /// </summary>
    /// <param name="keys">The keys, one behind the other.</param>
    /// <param name="values">Room for the values, in equal parts.</param>
    /// <param name="lengths">One for each key.</param>
    public virtual void GetMany(ReadOnlySpan<byte> keys, Span<byte> values, Span<int> lengths)
    {
        int keyBytes = keys.Length / lengths.Length;
        int valueBytes = values.Length / lengths.Length;
        for (int i = 0; i < lengths.Length; i++)
            lengths[i] = Get(keys.Slice(i * keyBytes, keyBytes), values.Slice(i * valueBytes, valueBytes));
    }

    public abstract StoreCursor OpenCursor();

    /// <summary>The same open store for one more thread. Ends before the store itself does.</summary>
    public abstract Store ForAnotherThread();

    /// <summary>Returns when the store has nothing left to flush or compact; false when it does not say when that is.</summary>
    public abstract bool TrySettle();

    public abstract void Dispose();
}

/// <summary>
/// A position in a store's order. Spans are valid until the next move. Next follows what went up (SeekToFirst, Seek), Previous what
/// went down (SeekToLast, SeekForPrevious): some peers prepare a query for one way.
/// </summary>
internal abstract class StoreCursor : IDisposable
{
    public abstract ReadOnlySpan<byte> Key { get; }

    public abstract ReadOnlySpan<byte> Value { get; }

    public abstract bool SeekToFirst();

    public abstract bool SeekToLast();

    /// <summary>To the key, or the next one behind it.</summary>
    public abstract bool Seek(ReadOnlySpan<byte> key);

    /// <summary>To the key, or the next one before it.</summary>
    public abstract bool SeekForPrevious(ReadOnlySpan<byte> key);

    public abstract bool Next();

    public abstract bool Previous();

    public abstract void Dispose();
}
