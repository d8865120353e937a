namespace Varve.Reading;

/// <summary>
/// Lookups of keys whose entries are not in memory. First all entries are looked for, beside each other; then the caller makes room for the
/// values, and those that stand elsewhere are read beside each other too.
/// </summary>
internal sealed class ParallelLookups(ReaderThreads readers) : ParallelReads(readers)
{
    /// <summary>Keys of one round: each pins a block.</summary>
    public const int CountMax = 32;

    private readonly FoundEntry[] _found = new FoundEntry[CountMax];
    private readonly bool[] _isFound = new bool[CountMax];
    private readonly (int Start, int Length)[] _keyPlaces = new (int, int)[CountMax];
    private readonly int[] _separate = new int[CountMax];
    private readonly int[] _valueStarts = new int[CountMax];
    private byte[] _keys = [];
    private byte[] _values = [];
    private ReadView? _view;
    private ReadMoment _moment;
    private bool _readsValues;

    public int Count { get; private set; }

    /// <summary>Begins a round; the full keys of <see cref="Add"/> stand in the array.</summary>
    public void Begin(ReadView view, ReadMoment moment, byte[] keys)
    {
        _view = view;
        _moment = moment;
        _keys = keys;
        Count = 0;
    }

    public void Add(int keyStart, int keyLength) => _keyPlaces[Count++] = (keyStart, keyLength);

    public void FindAll()
    {
        _readsValues = false;
        ReadAll(Count);
    }

    /// <summary>The length of the value of a key of the round; -1 where the key is absent.</summary>
    public int ValueLength(int index) => _isFound[index] ? _found[index].Length : -1;

    public void SetValueStart(int index, int start) => _valueStarts[index] = start;

    /// <summary>Brings the values of the keys that are present to their places.</summary>
    public void CopyValues(byte[] values)
    {
        _values = values;
        int separate = 0;
        for (int i = 0; i < Count; i++)
        {
            if (!_isFound[i]) continue;
            if (_found[i].IsSeparate) _separate[separate++] = i;
            else CopyValue(i);
        }

        _readsValues = true;
        ReadAll(separate);
    }

    /// <summary>Ends a round: lets go of what it has pinned.</summary>
    public void End()
    {
        for (int i = 0; i < Count; i++)
        {
            if (_isFound[i]) _found[i].Dispose();
            _isFound[i] = false;
            _found[i] = default;
        }

        Count = 0;
        _view = null;
        _keys = [];
        _values = [];
    }

    protected override void Read(int index)
    {
        if (_readsValues)
        {
            CopyValue(_separate[index]);
            return;
        }

        (int start, int length) = _keyPlaces[index];
        if (!PointLookup.TryFind(_view!, _keys.AsSpan(start, length), _moment.Sequence, out FoundEntry found)) return;
        if (found.IsAbsent(_moment))
        {
            found.Dispose();
            return;
        }

        _found[index] = found;
        _isFound[index] = true;
    }

    private void CopyValue(int index) => _found[index].CopyTo(_values.AsSpan(_valueStarts[index], _found[index].Length));
}
