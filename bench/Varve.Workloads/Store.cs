namespace Varve.Workloads;

/// <summary>What a workload asks of a store. Spans in, spans out, nothing copied that the peer does not copy itself.</summary>
internal abstract class Store : IDisposable
{
    /// <summary>Stores an entry; returns when the record has left the process, without a sync.</summary>
    public abstract void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

    public virtual void Delete(ReadOnlySpan<byte> key) => throw new NotSupportedException("This peer has no deletes here.");

    /// <summary>Deletes the keys from the start to before the end.</summary>
    public virtual void DeleteRange(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end) =>
        throw new NotSupportedException("This peer has no range deletes here.");

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

    /// <summary>Returns when the store has nothing left to flush or compact; false when it does not say when that is.</summary>
    public abstract bool TrySettle();

    public abstract void Dispose();
}

/// <summary>A position in a store's order. Spans are valid until the next move.</summary>
internal abstract class StoreCursor : IDisposable
{
    public abstract ReadOnlySpan<byte> Key { get; }

    public abstract ReadOnlySpan<byte> Value { get; }

    public abstract bool SeekToFirst();

    public abstract bool SeekToLast();

    public abstract bool Seek(ReadOnlySpan<byte> key);

    public abstract bool Next();

    public abstract bool Previous();

    public abstract void Dispose();
}
