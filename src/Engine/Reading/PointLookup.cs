using System.Buffers;
using Varve.Bytes;
using Varve.Entries;
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
    /// False when no place knows the key, or a range delete hides what is known of it. A tombstone is found like any entry: ask
    /// <see cref="FoundEntry.IsAbsent"/>. The found bytes live as long as the view's pin and the entry's own; dispose the entry.
    /// </summary>
    public static bool TryFind(ReadView view, ReadOnlySpan<byte> key, ulong sequence, out FoundEntry found)
    {
        if (view.MayHaveRanges) return TryFindBesideRanges(view, key, sequence, out found);
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
            if (!table.Info.MayHold(key) || !table.TryGet(key, hash, sequence, out TableValue value)) continue;
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

    /// <summary>
    /// The tables that a lookup asks, one by one, in the order in which it asks them; null behind the last. Both numbers begin at 0.
    /// </summary>
    public static Table? NextTable(LevelMap levels, ReadOnlySpan<byte> key, ref int newest, ref int level)
    {
        ReadOnlySpan<Table> newestFirst = levels.Tables(0);
        while (newest < newestFirst.Length)
        {
            Table table = newestFirst[newest++];
            if (table.Info.MayHold(key)) return table;
        }

        while (++level < LevelMap.LevelCount)
        {
            int index = levels.FindTable(level, key);
            if (index >= 0) return levels.Tables(level)[index];
        }

        return null;
    }

    /// <summary>
    /// As the search without range deletes, but each place is asked for those too. Places are ordered by age, deletes included: the
    /// first that knows the key or deletes it decides.
    /// </summary>
    private static bool TryFindBesideRanges(ReadView view, ReadOnlySpan<byte> key, ulong sequence, out FoundEntry found)
    {
        found = default;
        if (IsDecidedBy(view.Active, key, sequence, ref found, out bool isFound)) return isFound;
        foreach (MemTable frozen in view.Frozen)
        {
            if (IsDecidedBy(frozen, key, sequence, ref found, out isFound)) return isFound;
        }

        LevelMap levels = view.Levels;
        ulong hash = KeyHash.Compute(key);
        foreach (Table table in levels.Tables(0))
        {
            if (table.Info.MayHold(key) && IsDecidedBy(table, key, hash, sequence, ref found, out isFound)) return isFound;
        }

        for (int level = 1; level < LevelMap.LevelCount; level++)
        {
            int index = levels.FindTable(level, key);
            if (index < 0) continue;
            if (IsDecidedBy(levels.Tables(level)[index], key, hash, sequence, ref found, out isFound)) return isFound;
        }

        return false;
    }

    private static bool IsDecidedBy(MemTable table, ReadOnlySpan<byte> key, ulong sequence, ref FoundEntry found, out bool isFound)
    {
        ulong cover = table.HasRanges ? table.Ranges.NewestCovering(key, sequence) : 0;
        bool isKnown = table.TryGet(key, sequence, out MemEntry entry);
        isFound = isKnown && Trailer.Sequence(entry.Trailer) > cover;
        if (isFound) found = new FoundEntry(entry);
        return isKnown || cover > 0;
    }

    private static bool IsDecidedBy(
        Table table, ReadOnlySpan<byte> key, ulong hash, ulong sequence, ref FoundEntry found, out bool isFound)
    {
        ulong cover = table.Ranges.NewestCovering(key, sequence);
        bool isKnown = table.TryGet(key, hash, sequence, out TableValue value);
        isFound = isKnown && Trailer.Sequence(value.Trailer) > cover;
        if (isFound) found = new FoundEntry(table, value);
        else if (isKnown) value.Dispose();
        return isKnown || cover > 0;
    }
}

/// <summary>An entry that a lookup found: where its bytes are and what keeps them there.</summary>
internal unsafe struct FoundEntry : IDisposable
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

    /// <summary>The value's first byte where a memtable of the view holds it; null where a table does.</summary>
    public byte* MemoryAddress => _table is null ? _value : null;

    /// <summary>
    /// Reads the value piece by piece, for as long as the view is pinned; null where it is stored with its key, and so at most 16 KiB in a
    /// table. The entry must not be disposed before.
    /// </summary>
    public SeparateValueReader? OpenSeparate() =>
        _table is not null && _tableValue.IsSeparate ? _table.OpenSeparate(_tableValue) : null;

    /// <summary>True when the value is not in memory: only <see cref="CopyTo"/> brings it.</summary>
    public bool IsSeparate => _table is not null && _tableValue.IsSeparate;

    /// <summary>The value of an entry that is not separate; stays as long as the view's pin and the entry's own.</summary>
    public ReadOnlySpan<byte> InlineValue => new(_value, Length);

    /// <summary>What the entry's own pin takes of the cache; 0 where the bytes are a memtable's.</summary>
    public long PinnedBytes => _table is null ? 0 : _tableValue.PinnedBytes;

    /// <summary>True when the entry's bytes are in memory that ends with its pin, and may not be read afterwards.</summary>
    public bool IsPrivate => _table is not null && _tableValue.IsPrivate;

    /// <summary>Copies the value; the destination has room for <see cref="Length"/> bytes.</summary>
    public void CopyTo(Span<byte> destination)
    {
        if (IsSeparate) _table!.ReadSeparate(_tableValue, destination[..Length]);
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
