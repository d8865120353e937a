using System.Runtime.CompilerServices;
using Varve.Entries;
using Varve.Levels;
using Varve.Tables;

namespace Varve.Reading;

/// <summary>
/// The tables of one sorted level, one behind the other, as one run of entries. The owner's view or map keeps the tables.
/// </summary>
internal sealed unsafe class LevelCursor : EntryCursor
{
    private readonly LevelRun _run;
    private readonly Table[] _tables;
    private readonly CursorPurpose _purpose;
    private TableCursor? _inTable;
    private int _index = -1;

    /// <param name="run">Sorted, disjoint tables.</param>
    /// <param name="purpose">What the entries are read for.</param>
    public LevelCursor(LevelRun run, CursorPurpose purpose)
    {
        _run = run;
        _tables = run.Tables;
        _purpose = purpose;
    }

    /// <param name="tables">Sorted, disjoint.</param>
    /// <param name="purpose">What the entries are read for.</param>
    public LevelCursor(Table[] tables, CursorPurpose purpose)
        : this(new LevelRun(tables), purpose)
    {
    }

    public override void SeekToFirst()
    {
        IsValid = false;
        if (!Enter(0)) return;
        _inTable!.SeekToFirst();
        Settle(forward: true);
    }

    public override void SeekToLast()
    {
        IsValid = false;
        if (!Enter(_tables.Length - 1)) return;
        _inTable!.SeekToLast();
        Settle(forward: false);
    }

    public override void Seek(ReadOnlySpan<byte> key, ulong trailer)
    {
        IsValid = false;
        if (!Enter(_run.FirstEndingAtOrBehind(key, trailer))) return;
        _inTable!.Seek(key, trailer);
        Settle(forward: true);
    }

    public override void SeekForPrevious(ReadOnlySpan<byte> key, ulong trailer)
    {
        IsValid = false;
        int index = _run.FirstEndingAtOrBehind(key, trailer);
        if (index == _tables.Length || _run.BeginsBehind(index, key, trailer)) index--;
        if (!Enter(index)) return;
        _inTable!.SeekForPrevious(key, trailer);
        Settle(forward: false);
    }

    public override void Next()
    {
        IsValid = false;
        _inTable!.Next();
        Settle(forward: true);
    }

    public override void Previous()
    {
        IsValid = false;
        _inTable!.Previous();
        Settle(forward: false);
    }

    public override EntryCursor Shown => _inTable!;

    public override void FollowShown() => Show(_inTable!);

    public override bool IsSurelyNewest => _inTable!.IsSurelyNewest;

    public override bool TryLeaveKey()
    {
        if (!_inTable!.TryLeaveKey()) return false;
        Show(_inTable);
        return true;
    }

    public override bool SkipForward(ReadOnlySpan<byte> end, ulong cover)
    {
        // Whole tables are passed without being opened.
        int index = _index;
        while (index < _tables.Length && _tables[index].Info.LargestSequence < cover && _tables[index].Info.EndsBefore(end)) index++;
        bool isSure = index < _tables.Length && _tables[index].Info.LargestSequence < cover;
        if (index == _index && !isSure) return false;
        IsValid = false;
        if (!Enter(index)) return true;
        if (isSure) _inTable!.Seek(end, Entries.Trailer.Newest);
        else _inTable!.SeekToFirst();
        Settle(forward: true);
        return true;
    }

    public override bool SkipBackward(ReadOnlySpan<byte> start, ulong cover)
    {
        int index = _index;
        while (index >= 0 && _tables[index].Info.LargestSequence < cover && !_tables[index].Info.BeginsBefore(start)) index--;
        bool isSure = index >= 0 && _tables[index].Info.LargestSequence < cover;
        if (index == _index && !isSure) return false;
        IsValid = false;
        if (!Enter(index)) return true;
        if (isSure) _inTable!.SeekForPrevious(start, Entries.Trailer.Newest);
        else _inTable!.SeekToLast();
        Settle(forward: false);
        return true;
    }

    public override void LoadValue()
    {
        _inTable!.LoadValue();
        Value = _inTable.Value;
        IsValueElsewhere = false;
    }

    public override ValuePlace GetValuePlace() => _inTable!.GetValuePlace();

    public override void Dispose()
    {
        _inTable?.Dispose();
        _inTable = null;
        _index = -1;
        IsValid = false;
    }

    /// <summary>False when there is no such table.</summary>
    private bool Enter(int index)
    {
        if ((uint)index >= (uint)_tables.Length) return false;
        if (index == _index) return true;
        _index = -1;
        if (_inTable is null || !_inTable.TryMoveTo(_tables[index]))
        {
            _inTable?.Dispose();
            _inTable = null;
            _inTable = _tables[index].CreateCursor(_purpose);
        }

        _index = index;
        return true;
    }

    /// <summary>Goes on into the neighbour while the table at hand has no entry in the direction, then shows the entry.</summary>
    private void Settle(bool forward)
    {
        TableCursor cursor = _inTable!;
        while (!cursor.IsValid)
        {
            if (!Enter(forward ? _index + 1 : _index - 1)) return;
            cursor = _inTable!;
            if (forward) cursor.SeekToFirst();
            else cursor.SeekToLast();
        }

        IsValid = true;
        Show(cursor);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Show(TableCursor cursor)
    {
        Key = cursor.Key;
        KeyLength = cursor.KeyLength;
        Trailer = cursor.Trailer;
        Value = cursor.Value;
        ValueLength = cursor.ValueLength;
        IsValueElsewhere = cursor.IsValueElsewhere;
    }
}
