using System.Runtime.CompilerServices;
using Varve.Bytes;
using Varve.Entries;
using Varve.Memory;

namespace Varve.Commit;

/// <summary>Reads the operations of a batch; see <see cref="BatchBuffer"/> for the grammar. Never throws, never trusts a length.</summary>
/// <param name="batch">The operations.</param>
/// <param name="lastValue">The value of the last operation, where it stands elsewhere in memory and its length ends the batch.</param>
internal ref struct BatchReader(ReadOnlySpan<byte> batch, ReadOnlySpan<byte> lastValue = default)
{
    private readonly ReadOnlySpan<byte> _lastValue = lastValue;
    private ReadOnlySpan<byte> _rest = batch;

    public EntryKind Kind { get; private set; }

    /// <summary>The full key.</summary>
    public ReadOnlySpan<byte> Key { get; private set; }

    /// <summary>
    /// The stored value: an expiring one begins with its expiry. Of a range tombstone: the full key behind its end.
    /// </summary>
    public ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>Bytes that were not read yet; 0 behind the last operation of a whole batch.</summary>
    public readonly int RestBytes => _rest.Length;

    /// <summary>False at the end, and where the bytes are no operation (then <see cref="RestBytes"/> is not 0).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryNext()
    {
        ReadOnlySpan<byte> rest = _rest;
        if (rest.IsEmpty) return false;
        var kind = (EntryKind)rest[0];
        if (!IsKnown(kind)) return false;
        rest = rest[1..];
        if (!TryTake(ref rest, out ReadOnlySpan<byte> key)) return false;
        ReadOnlySpan<byte> value = default;
        if (kind != EntryKind.Tombstone && !TryTake(ref rest, out value) && !TryTakeLast(ref rest, out value)) return false;
        if (Expiry.IsExpiring((ulong)kind) && value.Length < Expiry.PrefixBytes) return false;
        Kind = kind;
        Key = key;
        Value = value;
        _rest = rest;
        return true;
    }

    /// <summary>Whether the bytes are so many operations, and nothing else, of keys and ranges that can be.</summary>
    public static bool IsBatch(ReadOnlySpan<byte> batch, int count)
    {
        var reader = new BatchReader(batch);
        int found = 0;
        bool isSound = true;
        while (reader.TryNext())
        {
            found++;
            isSound &= reader.Key.Length <= MemTable.KeyBytesMax;
            if (reader.Kind == EntryKind.RangeTombstone)
                isSound &= reader.Value.Length <= MemTable.KeyBytesMax && reader.Key.SequenceCompareTo(reader.Value) < 0;
        }

        return isSound && reader.RestBytes == 0 && found == count;
    }

    private static bool IsKnown(EntryKind kind) =>
        kind is EntryKind.Value or EntryKind.Tombstone or EntryKind.RangeTombstone or EntryKind.Ingest
            or (EntryKind.Value | EntryKind.Expiring);

    private readonly bool TryTakeLast(scoped ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> taken)
    {
        taken = _lastValue;
        if (!Varint.TryRead(rest, out ulong bytes, out int length)) return false;
        if (_lastValue.IsEmpty || length != rest.Length || bytes != (ulong)_lastValue.Length) return false;
        rest = default;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryTake(scoped ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> taken)
    {
        taken = default;
        if (!Varint.TryRead(rest, out ulong bytes, out int length)) return false;
        if (bytes > (ulong)(rest.Length - length)) return false;
        taken = rest.Slice(length, (int)bytes);
        rest = rest[(length + (int)bytes)..];
        return true;
    }
}
