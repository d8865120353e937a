using Varve.Entries;

namespace Varve.Memory;

/// <summary>
/// A memtable as of a sequence: of every key the newest version that is not younger, tombstones included; keys that came later are
/// passed over. Safe beside the writer. What it shows is valid as long as its owner keeps the table.
/// </summary>
internal sealed unsafe class MemCursor(RadixTree tree, ulong sequence, MemTable table) : EntryCursor
{
    private readonly MemArena _arena = tree.Arena;
    private readonly ulong _trailerMax = Entries.Trailer.SeekAt(sequence);
    private RadixWalker _walker = new(tree);

    public override void SeekToFirst() => ShowForward(_walker.First());

    public override void SeekToLast() => ShowBackward(_walker.Last());

    public override void Seek(ReadOnlySpan<byte> key, ulong trailer)
    {
        ShowForward(_walker.Seek(key));
        if (IsValid && Trailer > trailer && KeySpan.SequenceEqual(key)) Next();
    }

    public override void SeekForPrevious(ReadOnlySpan<byte> key, ulong trailer)
    {
        ShowBackward(_walker.SeekForPrevious(key));
        if (IsValid && Trailer < trailer && KeySpan.SequenceEqual(key)) Previous();
    }

    public override void Next() => ShowForward(_walker.Next());

    public override void Previous() => ShowBackward(_walker.Previous());

    /// <summary>It shows one version of each key.</summary>
    public override bool IsSurelyNewest => true;

    public override bool TryLeaveKey()
    {
        Next();
        return true;
    }

    public override bool SkipForward(ReadOnlySpan<byte> end, ulong cover)
    {
        if (table.LastSequence >= cover) return false;
        Seek(end, Entries.Trailer.Newest);
        return true;
    }

    public override bool SkipBackward(ReadOnlySpan<byte> start, ulong cover)
    {
        if (table.LastSequence >= cover) return false;
        SeekForPrevious(start, Entries.Trailer.Newest);
        return true;
    }

    public override void Dispose() => IsValid = false;

    private void ShowForward(MemRecord* newest)
    {
        while (newest != null && !TryShow(newest)) newest = _walker.Next();
        IsValid = newest != null;
    }

    private void ShowBackward(MemRecord* newest)
    {
        while (newest != null && !TryShow(newest)) newest = _walker.Previous();
        IsValid = newest != null;
    }

    private bool TryShow(MemRecord* record)
    {
        while (record->Trailer > _trailerMax)
        {
            if (record->Older == 0) return false;
            record = _arena.Record(record->Older);
        }

        Key = MemRecord.Key(record);
        KeyLength = record->KeyLength;
        Trailer = record->Trailer;
        Value = MemRecord.Value(record);
        ValueLength = record->ValueLength;
        return true;
    }
}
