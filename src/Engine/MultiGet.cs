using System.Runtime.CompilerServices;
using Varve.Reading;

namespace Varve;

/// <summary>
/// Gets of many keys as one: all see the same moment, and wait for memory and disk beside each other instead of one behind the other.
/// Reusable; allocates nothing once it has grown to what it is used for.
/// </summary>
/// <remarks>
/// Made by <see cref="Database.CreateMultiGet"/>. Add keys, <see cref="Run"/>, look at the results; <see cref="Clear"/> begins anew. One
/// thread at a time. Keys in memory are looked up sixteen at a time, of keys on disk up to nine are read at a time.
/// </remarks>
public sealed class MultiGet : IDisposable
{
    /// <summary>Lookups under way at a time: about as many as a core waits for memory at once.</summary>
    private const int WindowKeys = 16;

    /// <summary>Larger buffers are given up when the keys are cleared.</summary>
    private const int KeptBytesMax = 1 << 20;

    private const int BytesMin = 1 << 10;
    private const int ValueShare = 4;
    private const int Absent = -1;

    private readonly Database _database;
    private readonly SteppedLookup[] _window = new SteppedLookup[WindowKeys];
    private KeyPlace[] _keyPlaces = new KeyPlace[WindowKeys];
    private int[] _notInMemory = new int[WindowKeys];
    private int _notInMemoryCount;
    private byte[] _keys = [];
    private int _keyBytes;
    private byte[] _values = [];
    private int _valueBytes;
    private ParallelLookups? _reads;
    private bool _hasRun;
    private bool _isDisposed;

    internal MultiGet(Database database)
    {
        _database = database;
    }

    /// <summary>Keys added.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a key; a copy is kept.</summary>
    /// <param name="map">A map of this database; the keys may be of several.</param>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <returns>The number under which the result is found: 0 for the first key.</returns>
    /// <exception cref="ArgumentException">The key is over its limit, or the map belongs to another database.</exception>
    public int Add(SortedMap map, ReadOnlySpan<byte> key)
    {
        ArgumentNullException.ThrowIfNull(map);
        CheckUsable();
        if (!ReferenceEquals(map.Database, _database)) throw new ArgumentException("The map is of another database.", nameof(map));
        Limits.CheckKey(key);
        ReadOnlySpan<byte> prefix = map.Identity.Prefix;
        int length = prefix.Length + key.Length;
        MakeRoom(ref _keys, _keyBytes, length);
        prefix.CopyTo(_keys.AsSpan(_keyBytes));
        key.CopyTo(_keys.AsSpan(_keyBytes + prefix.Length));
        if (Count == _keyPlaces.Length) Array.Resize(ref _keyPlaces, 2 * Count);
        _keyPlaces[Count] = new KeyPlace { KeyStart = _keyBytes, KeyLength = length };
        _keyBytes += length;
        _hasRun = false;
        return Count++;
    }

    /// <summary>Looks all keys up. May be called again: the results are then of a later moment.</summary>
    /// <param name="snapshot">The moment to read; default: now.</param>
    /// <exception cref="CorruptDataException">A file that one of the keys needs is damaged: there are no results.</exception>
    /// <exception cref="MemoryBudgetException">The values take more than a quarter of the memory budget: ask for fewer at once.</exception>
    public void Run(Snapshot? snapshot = null)
    {
        CheckUsable();
        _hasRun = false;
        _valueBytes = 0;
        // One time for all keys, as one sequence.
        ReadMoment moment = snapshot?.CheckMoment(_database) ?? default;
        ReadView view;
        int stripe;
        if (snapshot is null)
        {
            view = _database.Views.EnterMoment(out stripe, out ulong sequence);
            moment = new ReadMoment(sequence, _database.Clock.ReadTime());
        }
        else
        {
            view = _database.Views.Enter(out stripe);
        }

        try
        {
            _notInMemoryCount = 0;
            for (int first = 0; first < Count; first += WindowKeys) LookUp(view, moment, first, Math.Min(WindowKeys, Count - first));
            for (int first = 0; first < _notInMemoryCount; first += ParallelLookups.CountMax) Read(view, moment, first);
        }
        finally
        {
            view.Leave(stripe);
        }

        _hasRun = true;
    }

    /// <summary>A key's value, if the key is present.</summary>
    /// <param name="index">The key's number, as <see cref="Add"/> returned it.</param>
    /// <param name="value">The value; valid until the next <see cref="Run"/>, <see cref="Clear"/> or <see cref="Dispose"/>.</param>
    /// <returns>Whether the key is present.</returns>
    /// <exception cref="ArgumentOutOfRangeException">No key has this number.</exception>
    /// <exception cref="InvalidOperationException">The keys have not been looked up since the last one was added.</exception>
    public bool TryGetValue(int index, out ReadOnlySpan<byte> value)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        if (!_hasRun) throw new InvalidOperationException("There are no results: call Run after the last Add.");
        ref KeyPlace place = ref _keyPlaces[index];
        bool isPresent = place.ValueLength != Absent;
        value = isPresent ? _values.AsSpan(place.ValueStart, place.ValueLength) : default;
        return isPresent;
    }

    /// <summary>Forgets keys and results.</summary>
    public void Clear()
    {
        Count = 0;
        _keyBytes = 0;
        _valueBytes = 0;
        _hasRun = false;
        if (_values.Length > KeptBytesMax) _values = [];
        if (_keys.Length > KeptBytesMax) _keys = [];
    }

    /// <summary>Gives its memory up.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        _hasRun = false;
        Count = 0;
        _keys = [];
        _values = [];
    }

    /// <summary>Up to a window of keys, in memory; those that need a file are noted.</summary>
    private void LookUp(ReadView view, ReadMoment moment, int first, int count)
    {
        Span<SteppedLookup> window = _window.AsSpan(0, count);
        try
        {
            for (int i = 0; i < window.Length; i++) window[i].Begin(view, KeyAt(first + i), moment.Sequence);
            bool goesOn = true;
            while (goesOn)
            {
                goesOn = false;
                for (int i = 0; i < window.Length; i++)
                {
                    ref SteppedLookup lookup = ref window[i];
                    if (lookup.Outcome != LookupOutcome.GoesOn) continue;
                    lookup.Step(view, KeyAt(first + i), moment.Sequence);
                    goesOn |= lookup.Outcome == LookupOutcome.GoesOn;
                }
            }

            for (int i = 0; i < window.Length; i++) Settle(ref window[i], moment, first + i);
        }
        finally
        {
            // After a failure too: no pin is left behind.
            for (int i = 0; i < window.Length; i++) window[i].Dispose();
        }
    }

    private void Settle(ref SteppedLookup lookup, ReadMoment moment, int index)
    {
        ref KeyPlace place = ref _keyPlaces[index];
        place.ValueLength = Absent;
        ref FoundEntry found = ref lookup.Found;
        if (lookup.Outcome == LookupOutcome.NotInMemory || (lookup.Outcome == LookupOutcome.Found && found.IsSeparate))
        {
            if (_notInMemoryCount == _notInMemory.Length) Array.Resize(ref _notInMemory, 2 * _notInMemoryCount);
            _notInMemory[_notInMemoryCount++] = index;
            return;
        }

        if (lookup.Outcome == LookupOutcome.Absent || found.IsAbsent(moment)) return;
        place.ValueLength = found.Length;
        place.ValueStart = TakeValueRoom(found.Length);
        found.CopyTo(_values.AsSpan(place.ValueStart));
    }

    /// <summary>A round of keys that need a file.</summary>
    private void Read(ReadView view, ReadMoment moment, int first)
    {
        ParallelLookups reads = _reads ??= new ParallelLookups(_database.Readers);
        ReadOnlySpan<int> round = _notInMemory.AsSpan(first, Math.Min(ParallelLookups.CountMax, _notInMemoryCount - first));
        reads.Begin(view, moment, _keys);
        try
        {
            foreach (int index in round) reads.Add(_keyPlaces[index].KeyStart, _keyPlaces[index].KeyLength);
            reads.FindAll();
            for (int i = 0; i < round.Length; i++)
            {
                ref KeyPlace place = ref _keyPlaces[round[i]];
                place.ValueLength = reads.ValueLength(i);
                if (place.ValueLength == Absent) continue;
                place.ValueStart = TakeValueRoom(place.ValueLength);
                reads.SetValueStart(i, place.ValueStart);
            }

            reads.CopyValues(_values);
        }
        finally
        {
            reads.End();
        }
    }

    /// <summary>A key that was added, its map's prefix in front; valid until the next one is added.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ReadOnlySpan<byte> KeyAt(int index) => _keys.AsSpan(_keyPlaces[index].KeyStart, _keyPlaces[index].KeyLength);

    private int TakeValueRoom(int length)
    {
        long bytesMax = Math.Min(Array.MaxLength, _database.Options.MemoryBudgetBytes / ValueShare);
        if (length > bytesMax - _valueBytes)
        {
            throw new MemoryBudgetException(
                $"The values of this multi-get take more than {bytesMax:N0} bytes, a quarter of DatabaseOptions.MemoryBudgetBytes. "
                + "Ask for fewer keys at once, or raise the budget.");
        }

        MakeRoom(ref _values, _valueBytes, length);
        int start = _valueBytes;
        _valueBytes += length;
        return start;
    }

    private static void MakeRoom(ref byte[] bytes, int used, int wanted)
    {
        long needed = (long)used + wanted;
        if (needed <= bytes.Length) return;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(needed, Array.MaxLength, nameof(wanted));
        long size = Math.Clamp(2L * bytes.Length, BytesMin, Array.MaxLength);
        byte[] grown = GC.AllocateUninitializedArray<byte>((int)Math.Max(needed, size));
        bytes.AsSpan(0, used).CopyTo(grown);
        bytes = grown;
    }

    private void CheckUsable()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        _database.ThrowIfClosed();
    }

    private struct KeyPlace
    {
        public int KeyStart;
        public int KeyLength;
        public int ValueStart;
        public int ValueLength;
    }
}
