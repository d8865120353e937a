namespace Varve;

/// <summary>The entries of a map between two bounds, for <c>foreach</c>: opened when the enumeration begins, closed when it ends.</summary>
/// <remarks>
/// Each enumeration sees the moment it began at (or its snapshot's), whatever is written beside it. Allocates a constant per enumeration,
/// nothing per entry.
/// </remarks>
public readonly ref struct EntryRange
{
    private readonly SortedMap _map;
    private readonly ReadOnlySpan<byte> _lower;
    private readonly ReadOnlySpan<byte> _upper;
    private readonly RangeBounds _bounds;
    private readonly Direction _direction;
    private readonly long _limit;
    private readonly Snapshot? _snapshot;

    internal EntryRange(
        SortedMap map, ReadOnlySpan<byte> lower, ReadOnlySpan<byte> upper, RangeBounds bounds,
        Direction direction, long limit, Snapshot? snapshot)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(limit);
        Limits.CheckKey(lower);
        Limits.CheckKey(upper);
        _map = map;
        _lower = lower;
        _upper = upper;
        _bounds = bounds;
        _direction = direction;
        _limit = limit;
        _snapshot = snapshot;
    }

    /// <summary>
    /// The keys alone: values over 16 KiB are never read from disk, others never copied. <c>foreach (var key in map.All().Keys)</c>.
    /// </summary>
    public KeysOnly Keys => new(this);

    /// <summary>Begins the enumeration.</summary>
    public Enumerator GetEnumerator() => new(_map.OpenRange(_lower, _upper, _bounds, _snapshot), _direction, _limit);

    /// <summary>Walks over the entries. Disposed by <c>foreach</c>.</summary>
    public ref struct Enumerator
    {
        private readonly Cursor _cursor;
        private readonly Direction _direction;
        private long _left;
        private bool _hasBegun;

        internal Enumerator(Cursor cursor, Direction direction, long limit)
        {
            _cursor = cursor;
            _direction = direction;
            _left = limit;
        }

        /// <summary>The entry at hand; valid until the next move.</summary>
        public readonly Entry Current => new(_cursor);

        /// <summary>To the next entry; false at the end or at the limit.</summary>
        public bool MoveNext()
        {
            if (_left == 0) return false;
            _left--;
            if (_hasBegun) return _direction == Direction.Ascending ? _cursor.Next() : _cursor.Previous();
            _hasBegun = true;
            return _direction == Direction.Ascending ? _cursor.SeekToFirst() : _cursor.SeekToLast();
        }

        /// <summary>Ends the enumeration.</summary>
        public readonly void Dispose() => _cursor.Dispose();
    }

    /// <summary>The keys of a range, for <c>foreach</c>.</summary>
    public readonly ref struct KeysOnly
    {
        private readonly EntryRange _range;

        internal KeysOnly(EntryRange range)
        {
            _range = range;
        }

        /// <summary>Begins the enumeration.</summary>
        public KeyEnumerator GetEnumerator()
        {
            Cursor cursor = _range._map.OpenRange(_range._lower, _range._upper, _range._bounds, _range._snapshot);
            cursor.LeaveOutValues();
            return new KeyEnumerator(cursor, new Enumerator(cursor, _range._direction, _range._limit));
        }
    }

    /// <summary>Walks over the keys. Disposed by <c>foreach</c>.</summary>
    public ref struct KeyEnumerator
    {
        private readonly Cursor _cursor;
        private Enumerator _entries;

        internal KeyEnumerator(Cursor cursor, Enumerator entries)
        {
            _cursor = cursor;
            _entries = entries;
        }

        /// <summary>The key at hand; valid until the next move.</summary>
        public readonly ReadOnlySpan<byte> Current => _cursor.Key;

        /// <summary>To the next key; false at the end or at the limit.</summary>
        public bool MoveNext() => _entries.MoveNext();

        /// <summary>Ends the enumeration.</summary>
        public readonly void Dispose() => _entries.Dispose();
    }
}

/// <summary>What the two bounds of a range mean.</summary>
internal enum RangeBounds
{
    /// <summary>Lower inclusive, upper exclusive; an empty upper bound is none.</summary>
    FromInclusive,

    /// <summary>Lower exclusive, upper inclusive; an empty bound is none.</summary>
    UpToInclusive,

    /// <summary>Keys that begin with the lower bound; the upper is not used.</summary>
    Prefix,
}
