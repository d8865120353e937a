using System.Buffers;
using Varve.Entries;

namespace Varve.Commit;

/// <summary>What a condition asks of a key.</summary>
internal enum ConditionKind
{
    /// <summary>The key is absent: never written, deleted, or expired.</summary>
    Absent,

    Present,

    /// <summary>The key's entry has the sequence; absent where that is 0.</summary>
    Version,

    /// <summary>The key's entry has the value.</summary>
    Value,
}

/// <summary>
/// The conditions of one batch, in the order given. They live beside the batch and never reach the log. One thread at a time.
/// </summary>
internal sealed class ConditionList : IDisposable
{
    /// <summary>A longer array than this is not kept for the next batch.</summary>
    private const int KeptBytesMax = 1 << 20;

    private readonly List<Condition> _conditions = [];
    private byte[] _bytes = [];
    private int _length;

    public int Count => _conditions.Count;

    public long Length => _length;

    public ConditionKind KindOf(int index) => _conditions[index].Kind;

    /// <summary>The full key.</summary>
    public ReadOnlySpan<byte> KeyOf(int index) => _bytes.AsSpan(_conditions[index].Offset, _conditions[index].KeyBytes);

    public ReadOnlySpan<byte> ValueOf(int index)
    {
        Condition condition = _conditions[index];
        return _bytes.AsSpan(condition.Offset + condition.KeyBytes, condition.ValueBytes);
    }

    /// <summary>The sequence that a version condition asks for.</summary>
    public ulong VersionOf(int index) => _conditions[index].Version;

    public void Add(ConditionKind kind, MapIdentity map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value = default, ulong version = 0)
    {
        int keyBytes = map.Prefix.Length + key.Length;
        Span<byte> room = Reserve(keyBytes + value.Length);
        map.Prefix.CopyTo(room);
        key.CopyTo(room[map.Prefix.Length..]);
        value.CopyTo(room[keyBytes..]);
        _conditions.Add(new Condition(kind, _length, keyBytes, value.Length, version));
        _length += keyBytes + value.Length;
    }

    public void Clear()
    {
        if (_bytes.Length > KeptBytesMax) Dispose();
        _conditions.Clear();
        _length = 0;
    }

    public void Dispose()
    {
        if (_bytes.Length > 0) ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
        _length = 0;
        _conditions.Clear();
    }

    private Span<byte> Reserve(int bytes)
    {
        if (_bytes.Length - _length < bytes)
        {
            byte[] grown = ArrayPool<byte>.Shared.Rent(checked((int)Math.Max(_length + (long)bytes, Math.Min(2L * _length, 1 << 30))));
            _bytes.AsSpan(0, _length).CopyTo(grown);
            if (_bytes.Length > 0) ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = grown;
        }

        return _bytes.AsSpan(_length);
    }

    private readonly record struct Condition(ConditionKind Kind, int Offset, int KeyBytes, int ValueBytes, ulong Version);
}
