using Varve.Bytes;
using Varve.Entries;

namespace Varve.Commit;

/// <summary>
/// What the earlier batches of a group will do, for the conditions of the later ones: they are not in the memtable yet. Built only
/// when a group has conditions behind another batch. One thread at a time, the leader's.
/// </summary>
internal sealed class GroupOverlay
{
    private readonly Dictionary<ulong, int> _newestByHash = [];
    private readonly List<Operation> _operations = [];
    private readonly List<Operation> _ranges = [];
    private readonly List<BatchBuffer> _batches = [];

    /// <summary>Takes the operations of a batch that will be committed.</summary>
    /// <param name="batch">Unchanged until <see cref="Clear"/>.</param>
    /// <param name="firstSequence">The sequence that its first operation will have.</param>
    public void Add(BatchBuffer batch, ulong firstSequence)
    {
        _batches.Add(batch);
        var reader = new BatchReader(batch.Span, batch.LastValue);
        for (ulong sequence = firstSequence; ; sequence++)
        {
            int offset = batch.Span.Length - reader.RestBytes;
            if (!reader.TryNext()) return;
            ulong trailer = Trailer.Pack(sequence, reader.Kind);
            if (reader.Kind == EntryKind.RangeTombstone) _ranges.Add(new Operation(_batches.Count - 1, offset, Older: -1, trailer));
            else AddPoint(KeyHash.Compute(reader.Key), offset, trailer);
        }
    }

    /// <summary>The newest of these operations on the key; false when there is none.</summary>
    /// <param name="key">The full key.</param>
    /// <param name="trailer">Its sequence and kind.</param>
    /// <param name="storedValue">As in the log: an expiring one begins with its expiry.</param>
    public bool TryFind(ReadOnlySpan<byte> key, out ulong trailer, out ReadOnlySpan<byte> storedValue)
    {
        bool isFound = TryFindPoint(key, out trailer, out storedValue);
        ulong deleted = NewestRangeOver(key);
        if (deleted <= trailer) return isFound;
        trailer = Trailer.Pack(Trailer.Sequence(deleted), EntryKind.Tombstone);
        storedValue = default;
        return true;
    }

    public void Clear()
    {
        _newestByHash.Clear();
        _operations.Clear();
        _ranges.Clear();
        _batches.Clear();
    }

    private bool TryFindPoint(ReadOnlySpan<byte> key, out ulong trailer, out ReadOnlySpan<byte> storedValue)
    {
        trailer = 0;
        storedValue = default;
        if (!_newestByHash.TryGetValue(KeyHash.Compute(key), out int index)) return false;
        for (; index >= 0; index = _operations[index].Older)
        {
            Operation operation = _operations[index];
            BatchReader reader = ReaderAt(operation);
            if (!reader.TryNext() || !reader.Key.SequenceEqual(key)) continue;
            trailer = operation.Trailer;
            storedValue = reader.Value;
            return true;
        }

        return false;
    }

    /// <summary>The trailer of the newest range delete over the key; 0: none.</summary>
    private ulong NewestRangeOver(ReadOnlySpan<byte> key)
    {
        for (int i = _ranges.Count - 1; i >= 0; i--)
        {
            BatchReader reader = ReaderAt(_ranges[i]);
            bool isOver = reader.TryNext() && reader.Key.SequenceCompareTo(key) <= 0 && key.SequenceCompareTo(reader.Value) < 0;
            if (isOver) return _ranges[i].Trailer;
        }

        return 0;
    }

    private BatchReader ReaderAt(Operation operation)
    {
        BatchBuffer batch = _batches[operation.Batch];
        return new BatchReader(batch.Span[operation.Offset..], batch.LastValue);
    }

    private void AddPoint(ulong hash, int offset, ulong trailer)
    {
        int older = _newestByHash.TryGetValue(hash, out int index) ? index : -1;
        _newestByHash[hash] = _operations.Count;
        _operations.Add(new Operation(_batches.Count - 1, offset, older, trailer));
    }

    /// <param name="Batch">Its place in the list of batches.</param>
    /// <param name="Offset">Where it begins in the batch.</param>
    /// <param name="Older">The operation before it with the same hash; -1: none.</param>
    /// <param name="Trailer">Its sequence and kind.</param>
    private readonly record struct Operation(int Batch, int Offset, int Older, ulong Trailer);
}
