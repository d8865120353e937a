using Varve.Log;
using Varve.Tables;

namespace Varve.Levels;

/// <summary>A table and the level it lives on.</summary>
internal readonly record struct LeveledTable(int Level, TableInfo Info);

/// <summary>Names a table on a level.</summary>
internal readonly record struct LeveledNumber(int Level, long Number);

/// <summary>
/// One change of what the database consists of: tables that come and go, and the state that must change with them in one step.
/// A null member leaves the state as it is. Built by one thread, then only read.
/// </summary>
internal sealed class LevelEdit
{
    private readonly List<LeveledTable> _added = [];
    private readonly List<LeveledNumber> _removed = [];

    public IReadOnlyList<LeveledTable> Added => _added;

    /// <summary>Taken out before <see cref="Added"/> comes in: a table in both lists with the same number has moved.</summary>
    public IReadOnlyList<LeveledNumber> Removed => _removed;

    /// <summary>All entries up to this sequence are in tables; replay of the log skips them.</summary>
    public ulong? FlushedSequence { get; set; }

    /// <summary>No file with this number or a higher one was ever made.</summary>
    public long? NextFileNumber { get; set; }

    public LogEra? LogEra { get; set; }

    /// <summary>
    /// Where the log ended at a clean close. It holds only while no further edit follows, so nothing has to take it back: an edit
    /// without it says that the database is in use.
    /// </summary>
    public LogEnd? CleanEnd { get; set; }

    /// <summary>What the log was before the current era.</summary>
    public LogPast? LogPast { get; set; }

    /// <summary>No sequence above this was given out before the log era began; an unclean open goes on above it and the log.</summary>
    public ulong? SequenceBound { get; set; }

    /// <summary>
    /// Wall clock, milliseconds since 1970 UTC, below which time never falls again. A lower value than before is ignored.
    /// </summary>
    public long? ClockMarkMilliseconds { get; set; }

    /// <summary>True when the edit takes the table from where it was; where it also adds it, the table moves.</summary>
    public bool Removes(long number)
    {
        foreach (LeveledNumber removed in _removed)
        {
            if (removed.Number == number) return true;
        }

        return false;
    }

    public void Add(int level, TableInfo table) => _added.Add(new LeveledTable(level, table));

    public void Remove(int level, long number) => _removed.Add(new LeveledNumber(level, number));
}
