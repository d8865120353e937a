using Varve.Entries;
using Varve.Levels;
using Varve.Memory;
using Varve.Tables;

namespace Varve.Reading;

/// <summary>What a lookup in steps has come to.</summary>
internal enum LookupOutcome : byte
{
    /// <summary>Not at its end.</summary>
    GoesOn,

    /// <summary>No place knows the key.</summary>
    Absent,

    /// <summary>Found; a tombstone too.</summary>
    Found,

    /// <summary>Something is not in memory: ask <see cref="PointLookup"/>, which reads it.</summary>
    NotInMemory,
}

/// <summary>
/// The lookup of <see cref="PointLookup"/> in steps that wait for no file: between two steps, lookups of other keys take theirs, and what
/// the next step reads comes near meanwhile. The same places in the same order, and the first that knows the key decides: a change of the
/// one is a change of the other.
/// </summary>
internal struct SteppedLookup : IDisposable
{
    private ulong _hash;
    private ulong _head;
    private MemProbe _memory;
    private TableProbe _table;

    /// <summary>Memtables that have been begun: the active one, then the frozen ones.</summary>
    private int _memtables;
    private int _level;

    /// <summary>The next table of level 0.</summary>
    private int _newest;
    private bool _isInTables;

    public LookupOutcome Outcome { get; private set; }

    /// <summary>What was found, until <see cref="Take"/>.</summary>
    public FoundEntry Found;

    public void Begin(ReadView view, ReadOnlySpan<byte> key, ulong sequence)
    {
        this = default;
        _hash = Bytes.KeyHash.Compute(key);
        _head = IndexPartition.HeadOf(key);
        BeginNextMemtable(view, key, sequence);
    }

    /// <summary>One step; nothing once the outcome is known.</summary>
    public void Step(ReadView view, ReadOnlySpan<byte> key, ulong sequence)
    {
        if (Outcome != LookupOutcome.GoesOn) return;
        if (_isInTables) StepInTable(view, key, sequence);
        else StepInMemtable(view, key, sequence);
    }

    /// <summary>Takes the found entry out: the receiver disposes it.</summary>
    public FoundEntry Take()
    {
        FoundEntry found = Found;
        Found = default;
        return found;
    }

    public void Dispose()
    {
        _table.Dispose();
        Found.Dispose();
        Found = default;
    }

    private void StepInMemtable(ReadView view, ReadOnlySpan<byte> key, ulong sequence)
    {
        MemTable table = _memtables == 1 ? view.Active : view.Frozen[_memtables - 2];
        if (!table.StepProbe(key, sequence, ref _memory, out bool isFound, out MemEntry entry)) return;
        ulong cover = NewestCover(table, key, sequence);
        if (isFound && Trailer.Sequence(entry.Trailer) > cover) End(new FoundEntry(entry));
        else if (isFound || cover > 0) Outcome = LookupOutcome.Absent;
        else BeginNextMemtable(view, key, sequence);
    }

    private void BeginNextMemtable(ReadView view, ReadOnlySpan<byte> key, ulong sequence)
    {
        while (_memtables <= view.Frozen.Length)
        {
            MemTable table = _memtables == 0 ? view.Active : view.Frozen[_memtables - 1];
            _memtables++;
            if (table.BeginProbe(key, out _memory)) return;
            if (NewestCover(table, key, sequence) == 0) continue;
            Outcome = LookupOutcome.Absent;
            return;
        }

        _isInTables = true;
        BeginNextTable(view.Levels, key, sequence);
    }

    private void StepInTable(ReadView view, ReadOnlySpan<byte> key, ulong sequence)
    {
        Table table = _table.Table;
        switch (table.StepProbe(key, _hash, sequence, ref _table, out TableValue value))
        {
            case ProbeState.Found when Trailer.Sequence(value.Trailer) > NewestCover(table, key, sequence):
                End(new FoundEntry(value));
                break;
            case ProbeState.Found:
                value.Dispose();
                Outcome = LookupOutcome.Absent;
                break;
            case ProbeState.Absent when NewestCover(table, key, sequence) > 0:
                Outcome = LookupOutcome.Absent;
                break;
            case ProbeState.Absent:
                BeginNextTable(view.Levels, key, sequence);
                break;
            case ProbeState.NotInMemory:
                Outcome = LookupOutcome.NotInMemory;
                break;
        }
    }

    private void BeginNextTable(LevelMap levels, ReadOnlySpan<byte> key, ulong sequence)
    {
        while (levels.NextTable(key, _head, ref _newest, ref _level) is { } table)
        {
            ProbeState state = table.BeginProbe(key, _hash, out _table);
            if (state == ProbeState.Absent && NewestCover(table, key, sequence) == 0) continue;
            if (state != ProbeState.GoesOn) Outcome = state == ProbeState.Absent ? LookupOutcome.Absent : LookupOutcome.NotInMemory;
            return;
        }

        Outcome = LookupOutcome.Absent;
    }

    /// <summary>The newest range delete of a place over the key; 0: none. A place is asked for those before the next one is.</summary>
    private static ulong NewestCover(MemTable table, ReadOnlySpan<byte> key, ulong sequence) =>
        table.HasRanges ? table.Ranges.NewestCovering(key, sequence) : 0;

    private static ulong NewestCover(Table table, ReadOnlySpan<byte> key, ulong sequence) =>
        table.Info.RangeTombstoneCount > 0 ? table.Ranges.NewestCovering(key, sequence) : 0;

    private void End(FoundEntry found)
    {
        Found = found;
        Outcome = LookupOutcome.Found;
    }
}
