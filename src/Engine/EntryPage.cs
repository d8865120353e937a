using System.Collections;

namespace Varve;

/// <summary>Some entries of a map, one behind the other, in memory of their own: valid as long as anybody holds it.</summary>
/// <remarks>Made by <see cref="SortedMap.ScanAsync"/>; never empty. Immutable, safe for concurrent use.</remarks>
public sealed class EntryPage : IReadOnlyList<PageEntry>
{
    private readonly byte[] _bytes;
    private readonly int[] _ends;

    /// <param name="bytes">Keys and values, each key before its value.</param>
    /// <param name="ends">Where keys and values end, in turn; may be longer.</param>
    /// <param name="count">How many entries there are.</param>
    internal EntryPage(byte[] bytes, int[] ends, int count)
    {
        _bytes = bytes;
        _ends = ends;
        Count = count;
    }

    /// <summary>Entries of the page, 1 or more.</summary>
    public int Count { get; }

    /// <summary>An entry of the page, in the order of the scan.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    public PageEntry this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            int start = index == 0 ? 0 : _ends[2 * index - 1];
            int keyEnd = _ends[2 * index];
            return new PageEntry(_bytes.AsMemory(start, keyEnd - start), _bytes.AsMemory(keyEnd, _ends[2 * index + 1] - keyEnd));
        }
    }

    /// <summary>Walks over the entries.</summary>
    public Enumerator GetEnumerator() => new(this);

    IEnumerator<PageEntry> IEnumerable<PageEntry>.GetEnumerator() => GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Walks over the entries of a page.</summary>
    public struct Enumerator : IEnumerator<PageEntry>
    {
        private readonly EntryPage _page;
        private int _index;

        internal Enumerator(EntryPage page)
        {
            _page = page;
            _index = -1;
        }

        /// <summary>The entry at hand.</summary>
        public readonly PageEntry Current => _page[_index];

        readonly object IEnumerator.Current => Current;

        /// <summary>To the next entry; false at the end.</summary>
        public bool MoveNext() => ++_index < _page.Count;

        /// <summary>Back before the first entry.</summary>
        public void Reset() => _index = -1;

        /// <summary>Does nothing.</summary>
        public readonly void Dispose()
        {
        }
    }
}

/// <summary>One entry of an <see cref="EntryPage"/>.</summary>
/// <param name="Key">The key, 0 to 16,384 bytes.</param>
/// <param name="Value">The value.</param>
public readonly record struct PageEntry(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value);
