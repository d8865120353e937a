using System.Diagnostics.CodeAnalysis;
using Varve.Bytes;
using Varve.Log;
using Varve.Tables;

namespace Varve.Levels;

/// <summary>What a manifest says after its last edit. Not safe for concurrent change.</summary>
internal sealed class ManifestState
{
    private readonly Dictionary<long, LeveledTable> _tables;

    public ManifestState(DatabaseId databaseId)
    {
        DatabaseId = databaseId;
        _tables = [];
    }

    private ManifestState(ManifestState other)
    {
        DatabaseId = other.DatabaseId;
        ReadUpTo = other.ReadUpTo;
        _tables = new Dictionary<long, LeveledTable>(other._tables);
        FlushedSequence = other.FlushedSequence;
        NextFileNumber = other.NextFileNumber;
        LogEra = other.LogEra;
        LogPast = other.LogPast;
        CleanEnd = other.CleanEnd;
        SequenceBound = other.SequenceBound;
        ClockMarkMilliseconds = other.ClockMarkMilliseconds;
    }

    public DatabaseId DatabaseId { get; }

    /// <summary>The manifest it was read from, and where its last whole frame ends; null for a new database.</summary>
    public (string Path, long Offset)? ReadUpTo { get; set; }

    /// <summary>By number; in no order.</summary>
    public IReadOnlyCollection<LeveledTable> Tables => _tables.Values;

    public ulong FlushedSequence { get; private set; }

    /// <summary>Above every table of the state.</summary>
    public long NextFileNumber { get; private set; } = 1;

    /// <summary>Null until the database first had a log.</summary>
    public LogEra? LogEra { get; private set; }

    /// <summary>What the log was before that era.</summary>
    public LogPast LogPast { get; private set; } = LogPast.None;

    /// <summary>Null when the database was not closed in order.</summary>
    public LogEnd? CleanEnd { get; private set; }

    public ulong SequenceBound { get; private set; }

    public long ClockMarkMilliseconds { get; private set; }

    public ManifestState Copy() => new(this);

    /// <summary>One edit that leads from an empty database to this state: a full manifest, and a start for a level map.</summary>
    public LevelEdit ToEdit()
    {
        var edit = new LevelEdit
        {
            FlushedSequence = FlushedSequence,
            NextFileNumber = NextFileNumber,
            LogEra = LogEra,
            LogPast = LogPast,
            CleanEnd = CleanEnd,
            SequenceBound = SequenceBound,
            ClockMarkMilliseconds = ClockMarkMilliseconds,
        };
        var numbers = new List<long>(_tables.Keys);
        numbers.Sort();
        foreach (long number in numbers) edit.Add(_tables[number].Level, _tables[number].Info);
        return edit;
    }

    /// <summary>Makes the edit part of the state. When false, the edit contradicts the state, which is then of no more use.</summary>
    public bool TryApply(LevelEdit edit, [NotNullWhen(false)] out string? problem)
    {
        problem = null;
        foreach (LeveledNumber gone in edit.Removed)
        {
            if (!_tables.Remove(gone.Number, out LeveledTable table) || table.Level != gone.Level)
                problem ??= $"the edit removes table {gone.Number} from level {gone.Level}, where it is not";
        }

        long numberMax = 0;
        foreach (LeveledTable added in edit.Added)
        {
            numberMax = Math.Max(numberMax, added.Info.Number);
            if (!_tables.TryAdd(added.Info.Number, added)) problem ??= $"the edit adds table {added.Info.Number}, which is already there";
        }

        FlushedSequence = edit.FlushedSequence ?? FlushedSequence;
        NextFileNumber = Math.Max(edit.NextFileNumber ?? NextFileNumber, numberMax + 1);
        LogEra = edit.LogEra ?? LogEra;
        LogPast = edit.LogPast ?? LogPast;
        CleanEnd = edit.CleanEnd;
        SequenceBound = edit.SequenceBound ?? SequenceBound;
        ClockMarkMilliseconds = Math.Max(ClockMarkMilliseconds, edit.ClockMarkMilliseconds ?? 0);
        return problem is null;
    }

    /// <summary>
    /// What no state may have: tables on one level whose keys clash, or a number to be given out that has been. Null when all is well.
    /// </summary>
    public string? FindProblem()
    {
        var levels = new List<TableInfo>[LevelMap.LevelCount];
        for (int level = 0; level < levels.Length; level++) levels[level] = [];
        foreach (LeveledTable table in _tables.Values)
        {
            levels[table.Level].Add(table.Info);
            if (table.Info.Number >= NextFileNumber)
                return $"table {table.Info.Number} is there, but the next file is to get number {NextFileNumber}";
        }

        for (int level = 0; level < levels.Length; level++)
        {
            if (LevelOrder.SortAndFindClash(level, levels[level]) is { } clash) return clash;
        }

        return null;
    }
}
