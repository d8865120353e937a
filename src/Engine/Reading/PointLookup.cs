using System.Buffers;
using System.Runtime.CompilerServices;
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

    /// <summary>
    /// The filters of all tables on the way are asked for before the first one is read, so that the waits for them are one.
    /// </summary>
    private static bool TryFindInTables(LevelMap levels, ReadOnlySpan<byte> key, ulong sequence, out FoundEntry found)
    {
        ulong hash = KeyHash.Compute(key);
        ulong head = IndexPartition.HeadOf(key);
        int newest = 0;
        int level = 0;
        FilterProbes probes = default;
        int count;
        do
        {
            count = 0;
            while (count < FilterProbes.Count && levels.NextTable(key, head, ref newest, ref level) is { } table)
            {
                if (table.AskFilter(key, head, hash, out probes[count])) count++;
            }

            for (int i = 0; i < count; i++)
            {
                if (!probes[i].MayContain(hash)) continue;
                Table table = probes[i].Table;
                if (table.TryGet(probes[i], key, hash, sequence, out found.Place)) return true;
            }
        }
        while (count == FilterProbes.Count);

        found = default;
        return false;
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
        if (isFound) found = new FoundEntry(value);
        else if (isKnown) value.Dispose();
        return isKnown || cover > 0;
    }
}

/// <summary>As many tables as a lookup asks for their filters at a time.</summary>
[InlineArray(Count)]
internal struct FilterProbes
{
    public const int Count = 8;

    private FilterProbe _first;
}

/// <summary>An entry that a lookup found: where its bytes are and what keeps them there.</summary>
internal unsafe struct FoundEntry : IDisposable
{
    /// <summary>Where it is; without a table it is a memtable's.</summary>
    internal TableValue Place;

    internal FoundEntry(in MemEntry entry)
    {
        int prefixBytes = Entries.Expiry.PrefixBytesOf(entry.Trailer);
        Place = new TableValue
        {
            Trailer = entry.Trailer,
            Expiry = prefixBytes > 0 ? Entries.Expiry.Read(entry.ValueSpan) : 0,
            Value = entry.Value + prefixBytes,
            ValueLength = entry.ValueLength - prefixBytes,
        };
    }

    internal FoundEntry(in TableValue place) => Place = place;

    public readonly ulong Trailer => Place.Trailer;

    /// <summary>When the trailer says that the entry expires: the moment from which it is absent.</summary>
    public readonly ulong Expiry => Place.Expiry;

    /// <summary>Bytes of the user's value.</summary>
    public readonly int Length => Place.ValueLength;

    /// <summary>True when a reader of the moment finds nothing: it is a tombstone, or has expired.</summary>
    public readonly bool IsAbsent(in ReadMoment moment) => moment.IsAbsent(Trailer, Expiry);

    /// <summary>The value's first byte where a memtable of the view holds it; null where a table does.</summary>
    public readonly byte* MemoryAddress => Place.Table is null ? Place.Value : null;

    /// <summary>
    /// Reads the value piece by piece, for as long as the view is pinned; null where it is stored with its key, and so at most 16 KiB in a
    /// table. The entry must not be disposed before.
    /// </summary>
    public readonly SeparateValueReader? OpenSeparate() => IsSeparate ? Place.Table!.OpenSeparate(Place) : null;

    /// <summary>True when the value is not in memory: only <see cref="CopyTo"/> brings it.</summary>
    public readonly bool IsSeparate => Place.Table is not null && Place.IsSeparate;

    /// <summary>The value of an entry that is not separate; stays as long as the view's pin and the entry's own.</summary>
    public readonly ReadOnlySpan<byte> InlineValue => new(Place.Value, Length);

    /// <summary>What the entry's own pin takes of the cache; 0 where the bytes are a memtable's.</summary>
    public readonly long PinnedBytes => Place.PinnedBytes;

    /// <summary>True when the entry's bytes are in memory that ends with its pin, and may not be read afterwards.</summary>
    public readonly bool IsPrivate => Place.IsPrivate;

    /// <summary>Copies the value; the destination has room for <see cref="Length"/> bytes.</summary>
    public readonly void CopyTo(Span<byte> destination)
    {
        if (IsSeparate) Place.Table!.ReadSeparate(Place, destination[..Length]);
        else InlineValue.CopyTo(destination);
    }

    /// <summary>Whether the user's value is this one; a separate value is read only where the length is right.</summary>
    public readonly bool HasValue(ReadOnlySpan<byte> wanted)
    {
        if (Length != wanted.Length) return false;
        if (!IsSeparate) return InlineValue.SequenceEqual(wanted);
        byte[] copy = ArrayPool<byte>.Shared.Rent(Length);
        try
        {
            Place.Table!.ReadSeparate(Place, copy.AsSpan(0, Length));
            return copy.AsSpan(0, Length).SequenceEqual(wanted);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(copy);
        }
    }

    public void Dispose() => Place.Dispose();
}
