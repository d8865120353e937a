using Varve.Diagnostics;
using Varve.Entries;
using Varve.Native;
using Varve.Tests.Tables;

namespace Varve.Tests.Reading;

/// <summary>
/// A cursor over a sorted list that keeps to the letter of the contract: an entry's bytes are overwritten as soon as the cursor moves,
/// and a move of an invalid cursor is an error. It counts its calls.
/// </summary>
internal sealed unsafe class ListCursor(IReadOnlyList<TestEntry> entries) : EntryCursor
{
    private GrowingBuffer _key;
    private GrowingBuffer _value;
    private int _place = -1;

    public int MoveCount { get; private set; }

    public bool IsDisposed { get; private set; }

    public override void SeekToFirst() => Show(0);

    public override void SeekToLast() => Show(entries.Count - 1);

    public override void Seek(ReadOnlySpan<byte> key, ulong trailer) => Show(CountBefore(key, trailer, countEqual: false));

    public override void SeekForPrevious(ReadOnlySpan<byte> key, ulong trailer) => Show(CountBefore(key, trailer, countEqual: true) - 1);

    public override void Next()
    {
        Invariant.Holds(IsValid);
        Show(_place + 1);
    }

    public override void Previous()
    {
        Invariant.Holds(IsValid);
        Show(_place - 1);
    }

    public override void Dispose()
    {
        IsDisposed = true;
        IsValid = false;
        _key.Dispose();
        _value.Dispose();
    }

    private void Show(int place)
    {
        Invariant.Holds(!IsDisposed);
        MoveCount++;
        new Span<byte>(_key.Data, _key.Length).Fill(0xDD);
        new Span<byte>(_value.Data, _value.Length).Fill(0xDD);
        _place = place;
        IsValid = place >= 0 && place < entries.Count;
        if (!IsValid) return;
        _key.Set(entries[place].Key);
        _value.Set(entries[place].Value);
        Key = _key.Data;
        KeyLength = _key.Length;
        Value = _value.Data;
        ValueLength = _value.Length;
        Trailer = entries[place].Trailer;
    }

    private int CountBefore(ReadOnlySpan<byte> key, ulong trailer, bool countEqual)
    {
        int low = 0;
        int high = entries.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            int order = EntryOrder.Compare(entries[middle].Key, entries[middle].Trailer, key, trailer);
            if (order < 0 || (countEqual && order == 0)) low = middle + 1;
            else high = middle;
        }

        return low;
    }
}
