using Varve.Entries;

namespace Varve.Memory;

/// <summary>Every version of every key of a memtable in entry order, for a flush. Safe beside the writer.</summary>
/// <remarks>Versions chain from new to old, so each step back inside one key's versions walks that chain from its start.</remarks>
internal sealed unsafe class MemVersionCursor(RadixTree tree) : EntryCursor
{
    private readonly MemArena _arena = tree.Arena;
    private RadixWalker _walker = new(tree);

    // The newest version of the key the cursor is at, as of its arrival; and the version shown. Null when not valid.
    private MemRecord* _newest;
    private MemRecord* _shown;

    public override void SeekToFirst() => ShowNewest(_walker.First());

    public override void SeekToLast() => ShowOldest(_walker.Last());

    public override void Seek(ReadOnlySpan<byte> key, ulong trailer)
    {
        ShowNewest(_walker.Seek(key));
        while (IsValid && Trailer > trailer && KeySpan.SequenceEqual(key)) Next();
    }

    public override void SeekForPrevious(ReadOnlySpan<byte> key, ulong trailer)
    {
        _newest = _walker.SeekForPrevious(key);
        if (_newest == null || !MemRecord.KeySpan(_newest).SequenceEqual(key))
        {
            ShowOldest(_newest);
            return;
        }

        if (_newest->Trailer < trailer)
        {
            ShowOldest(_walker.Previous());
            return;
        }

        MemRecord* record = _newest;
        while (record->Older != 0 && _arena.Record(record->Older)->Trailer >= trailer) record = _arena.Record(record->Older);
        Show(record);
    }

    public override void Next()
    {
        if (_shown->Older != 0) Show(_arena.Record(_shown->Older));
        else ShowNewest(_walker.Next());
    }

    public override void Previous()
    {
        if (_shown == _newest)
        {
            ShowOldest(_walker.Previous());
            return;
        }

        MemRecord* record = _newest;
        while (_arena.Record(record->Older) != _shown) record = _arena.Record(record->Older);
        Show(record);
    }

    public override void Dispose() => Show(null);

    private void ShowNewest(MemRecord* newest)
    {
        _newest = newest;
        Show(newest);
    }

    private void ShowOldest(MemRecord* newest)
    {
        _newest = newest;
        MemRecord* record = newest;
        while (record != null && record->Older != 0) record = _arena.Record(record->Older);
        Show(record);
    }

    private void Show(MemRecord* record)
    {
        _shown = record;
        IsValid = record != null;
        if (record == null) return;
        Key = MemRecord.Key(record);
        KeyLength = record->KeyLength;
        Trailer = record->Trailer;
        Value = MemRecord.Value(record);
        ValueLength = record->ValueLength;
    }
}
