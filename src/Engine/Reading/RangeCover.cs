using System.Runtime.CompilerServices;
using Varve.Entries;
using Varve.Levels;
using Varve.Memory;
using Varve.Tables;

namespace Varve.Reading;

/// <summary>
/// What the range deletes of all places hide from a scan at a sequence. Asked key by key in the order of the scan, it searches only
/// where the answer may change: for the rest of an interval it costs one comparison.
/// </summary>
/// <remarks>
/// Places are asked from the newest to the oldest. The first that deletes the key decides: what is above it is newer, what is below it
/// is older, deletes included.
/// </remarks>
internal sealed class RangeCover
{
    private readonly Place[] _places;
    private readonly ulong _sequence;
    private byte[]? _start;
    private byte[]? _end;
    private ulong _cover;
    private bool _isKnown;

    private RangeCover(List<Place> newestFirst, ulong sequence)
    {
        _places = [.. newestFirst];
        _sequence = sequence;
    }

    /// <summary>Where the interval that was found last begins; null: nowhere. Not null where it is deleted.</summary>
    public byte[]? Start => _start;

    /// <summary>The first key behind the interval that was found last; null: none. Not null where it is deleted.</summary>
    public byte[]? End => _end;

    /// <summary>The cover of a scan; null when no place it reads has range deletes. Nothing is read yet.</summary>
    public static RangeCover? Create(ReadView view, ulong sequence, ScanBounds bounds)
    {
        if (!view.MayHaveRanges) return null;
        var places = new List<Place>();
        if (view.Active.HasRanges) places.Add(new Place(view.Active.Ranges, []));
        foreach (MemTable frozen in view.Frozen)
        {
            if (frozen.HasRanges) places.Add(new Place(frozen.Ranges, []));
        }

        for (int level = 0; level < LevelMap.LevelCount; level++)
        {
            if (!view.Levels.HasRanges(level)) continue;
            var tables = new List<Table>();
            foreach (Table table in view.Levels.Tables(level))
            {
                if (table.Info.RangeTombstoneCount == 0 || !ScanSources.MayOverlap(table.Info, bounds)) continue;
                if (level == 0) places.Add(new Place(RangeTombstones.Empty, [table]));
                else tables.Add(table);
            }

            if (tables.Count > 0) places.Add(new Place(RangeTombstones.Empty, [.. tables]));
        }

        return places.Count == 0 ? null : new RangeCover(places, sequence);
    }

    /// <summary>The scan jumps: the next key may lie anywhere.</summary>
    public void Forget() => _isKnown = false;

    /// <summary>
    /// The sequence below which versions of the key are deleted; 0: none is. The last key asked for was not behind this one.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong AtForward(ReadOnlySpan<byte> key) =>
        _isKnown && (_end is null || key.SequenceCompareTo(_end) < 0) ? _cover : Find(key);

    /// <summary>As <see cref="AtForward"/>; the last key asked for was not before this one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong AtBackward(ReadOnlySpan<byte> key) =>
        _isKnown && (_start is null || key.SequenceCompareTo(_start) >= 0) ? _cover : Find(key);

    private ulong Find(ReadOnlySpan<byte> key)
    {
        _isKnown = false;
        _start = null;
        _end = null;
        _cover = 0;
        foreach (Place place in _places)
        {
            _cover = FindIn(place, key);
            if (_cover > 0) break;
        }

        _isKnown = true;
        return _cover;
    }

    private ulong FindIn(Place place, ReadOnlySpan<byte> key)
    {
        RangeTombstones ranges = place.Ranges;
        if (place.Tables.Length > 0)
        {
            // A sorted level, or one table of level 0: the bounds of tables hold their tombstones, so between them there are none.
            Table[] tables = place.Tables;
            int table = FirstEndingBehind(tables, key);
            if (table > 0) NarrowStart(tables[table - 1].Info.LargestKey);
            if (table < tables.Length && tables[table].Info.BeginsBehind(key)) NarrowEnd(tables[table].Info.SmallestKey);
            if (table == tables.Length || tables[table].Info.BeginsBehind(key)) return 0;
            if (table + 1 < tables.Length) NarrowEnd(tables[table + 1].Info.SmallestKey);
            ranges = tables[table].Ranges;
        }

        int index = ranges.FirstEndingBehind(key);
        if (index < ranges.Fragments.Length)
        {
            RangeFragment fragment = ranges.Fragments[index];
            if (fragment.Start.AsSpan().SequenceCompareTo(key) <= 0)
            {
                NarrowStart(fragment.Start);
                NarrowEnd(fragment.End);
                return fragment.NewestAt(_sequence);
            }

            NarrowEnd(fragment.Start);
        }

        if (index > 0) NarrowStart(ranges.Fragments[index - 1].End);
        return 0;
    }

    private static int FirstEndingBehind(Table[] tables, ReadOnlySpan<byte> key)
    {
        int low = 0;
        int high = tables.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (tables[middle].Info.EndsBefore(key)) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    private void NarrowStart(byte[] start)
    {
        if (_start is null || start.AsSpan().SequenceCompareTo(_start) > 0) _start = start;
    }

    private void NarrowEnd(byte[] end)
    {
        if (_end is null || end.AsSpan().SequenceCompareTo(_end) < 0) _end = end;
    }

    /// <summary>A memtable's list, or a level's tables with range deletes, in order; a table's list is read when it is needed.</summary>
    private readonly record struct Place(RangeTombstones Ranges, Table[] Tables);
}
