using System.Collections;

namespace Varve;

/// <summary>The entries of a typed map between two bounds, for <c>foreach</c> and for LINQ.</summary>
/// <typeparam name="TKey">The keys' type.</typeparam>
/// <typeparam name="TValue">The values' type.</typeparam>
/// <remarks>
/// Opened when the enumeration begins, closed when it ends; each sees the moment it began at (or its snapshot's). <c>foreach</c> allocates
/// a constant per enumeration and, but for what the codecs make, nothing per entry. As <see cref="IEnumerable{T}"/> it decodes key and
/// value of every entry.
/// </remarks>
public readonly struct EntryRange<TKey, TValue> : IEnumerable<KeyValuePair<TKey, TValue>>
{
    private readonly SortedMap<TKey, TValue> _map;
    private readonly byte[] _lower;
    private readonly byte[] _upper;
    private readonly RangeBounds _bounds;
    private readonly Direction _direction;
    private readonly long _limit;
    private readonly Snapshot? _snapshot;

    internal EntryRange(
        SortedMap<TKey, TValue> map, byte[] lower, byte[] upper, RangeBounds bounds, Direction direction, long limit, Snapshot? snapshot)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(limit);
        _map = map;
        _lower = lower;
        _upper = upper;
        _bounds = bounds;
        _direction = direction;
        _limit = limit;
        _snapshot = snapshot;
    }

    /// <summary>Begins the enumeration.</summary>
    public Enumerator GetEnumerator() => new(_map, _map.Bytes.OpenRange(_lower, _upper, _bounds, _snapshot), _direction, _limit);

    IEnumerator<KeyValuePair<TKey, TValue>> IEnumerable<KeyValuePair<TKey, TValue>>.GetEnumerator() => Pairs(GetEnumerator());

    IEnumerator IEnumerable.GetEnumerator() => Pairs(GetEnumerator());

    private static IEnumerator<KeyValuePair<TKey, TValue>> Pairs(Enumerator entries)
    {
        using (entries)
        {
            while (entries.MoveNext()) yield return KeyValuePair.Create(entries.Current.Key, entries.Current.Value);
        }
    }

    /// <summary>Walks over the entries. Disposed by <c>foreach</c>; not to be copied.</summary>
    public struct Enumerator : IDisposable
    {
        private readonly SortedMap<TKey, TValue> _map;
        private readonly Cursor _cursor;
        private readonly Direction _direction;
        private long _left;
        private bool _hasBegun;

        internal Enumerator(SortedMap<TKey, TValue> map, Cursor cursor, Direction direction, long limit)
        {
            _map = map;
            _cursor = cursor;
            _direction = direction;
            _left = limit;
        }

        /// <summary>The entry at hand; valid until the next move.</summary>
        public readonly Entry<TKey, TValue> Current => new(_map, _cursor);

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
}
