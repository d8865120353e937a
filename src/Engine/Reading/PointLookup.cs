using System.Buffers;
using Varve.Bytes;
using Varve.Levels;
using Varve.Memory;
using Varve.Tables;

namespace Varve.Reading;

/// <summary>
/// The newest version of a key at a sequence: memtables first, newest to oldest, then level 0, newest to oldest, then one table a
/// level. The first place that knows the key decides.
/// </summary>
internal static unsafe class PointLookup
{
    /// <summary>
    /// False when no place knows the key. A tombstone is found like any entry: ask <see cref="FoundEntry.IsAbsent"/>. The found bytes live as long as the view's pin and the entry's own; dispose the entry.
    /// </summary>
    public static bool TryFind(ReadView view, ReadOnlySpan<byte> key, ulong sequence, out FoundEntry found)
    {
        if (view.Active.TryGet(key, sequence, out MemEntry entry))
        {
            found = new FoundEntry(entry);
            return true;
        }

        foreach (MemTable frozen in view.Frozen)
        {
            if (!frozen.TryGet(key, sequence, out entry)) continue;
            found = new FoundEntry(entry);
            return true;
        }

        return TryFindInTables(view.Levels, key, sequence, out found);
    }

    private static bool TryFindInTables(LevelMap levels, ReadOnlySpan<byte> key, ulong sequence, out FoundEntry found)
    {
        ulong hash = KeyHash.Compute(key);
        ReadOnlySpan<Table> newestFirst = levels.Tables(0);
        foreach (Table table in newestFirst)
        {
            if (!MayHold(table.Info, key) || !table.TryGet(key, hash, sequence, out TableValue value)) continue;
            found = new FoundEntry(table, value);
            return true;
        }

        for (int level = 1; level < LevelMap.LevelCount; level++)
        {
            int index = levels.FindTable(level, key);
            if (index < 0) continue;
            Table table = levels.Tables(level)[index];
            if (!table.TryGet(key, hash, sequence, out TableValue value)) continue;
            found = new FoundEntry(table, value);
            return true;
        }

        found = default;
        return false;
    }

    private static bool MayHold(TableInfo info, ReadOnlySpan<byte> key) =>
        key.SequenceCompareTo(info.SmallestKey) >= 0 && key.SequenceCompareTo(info.LargestKey) <= 0;
}

/// <summary>An entry that a lookup found: where its bytes are and what keeps them there.</summary>
internal unsafe struct FoundEntry
{
    private readonly Table? _table;
    private TableValue _tableValue;
    private readonly byte* _value;

    internal FoundEntry(MemEntry entry)
    {
        Trailer = entry.Trailer;
        int prefixBytes = Entries.Expiry.PrefixBytesOf(entry.Trailer);
        if (prefixBytes > 0) Expiry = Entries.Expiry.Read(entry.ValueSpan);
        _value = entry.Value + prefixBytes;
        Length = entry.ValueLength - prefixBytes;
    }

    internal FoundEntry(Table table, TableValue value)
    {
        _table = table;
        _tableValue = value;
        Trailer = value.Trailer;
        Expiry = value.Expiry;
        _value = value.Value;
        Length = value.ValueLength;
    }

    public ulong Trailer { get; }

    /// <summary>When the trailer says that the entry expires: the moment from which it is absent.</summary>
    public ulong Expiry { get; }

    /// <summary>Bytes of the user's value.</summary>
    public int Length { get; }

    /// <summary>True when a reader of the moment finds nothing: it is a tombstone, or has expired.</summary>
    public bool IsAbsent(in ReadMoment moment) => moment.IsAbsent(Trailer, Expiry);

    /// <summary>Copies the value; the destination has room for <see cref="Length"/> bytes.</summary>
    public void CopyTo(Span<byte> destination)
    {
        if (_table is not null && _tableValue.IsSeparate) _table.ReadSeparate(_tableValue, destination[..Length]);
        else new ReadOnlySpan<byte>(_value, Length).CopyTo(destination);
    }

    /// <summary>Whether the user's value is this one; a separate value is read only where the length is right.</summary>
    public readonly bool HasValue(ReadOnlySpan<byte> wanted)
    {
        if (Length != wanted.Length) return false;
        if (_table is null || !_tableValue.IsSeparate) return new ReadOnlySpan<byte>(_value, Length).SequenceEqual(wanted);
        byte[] copy = ArrayPool<byte>.Shared.Rent(Length);
        try
        {
            _table.ReadSeparate(_tableValue, copy.AsSpan(0, Length));
            return copy.AsSpan(0, Length).SequenceEqual(wanted);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(copy);
        }
    }

    public void Dispose()
    {
        if (_table is not null) _tableValue.Dispose();
    }
}
