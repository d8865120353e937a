using System.Globalization;

namespace Varve.Simulation;

/// <summary>
/// What a history asked of the public API, counted by entries: each one is an operation. Opening, closing, flushes and syncs are none,
/// nor is what the checks read to compare whole databases.
/// </summary>
internal sealed record HistoryTally
{
    /// <summary>Puts, deletes, range deletes and drops, alone or in a batch, and entries ingested.</summary>
    public long Writes { get; set; }

    /// <summary>Keys asked for, alone, many at once, by lease or awaited.</summary>
    public long Gets { get; set; }

    /// <summary>Moves of a cursor, and entries that a scan or a page showed.</summary>
    public long Steps { get; set; }

    /// <summary>Changes that the feed showed.</summary>
    public long Changes { get; set; }

    /// <summary>Entries and changes read by the checks of everything: after an open, at a snapshot, of a copy. No operations.</summary>
    public long Checked { get; set; }

    /// <summary>Calls to the disk that failed, or were made while it was full.</summary>
    public long FaultyCalls { get; set; }

    /// <summary>Closed databases that were hurt.</summary>
    public long Damages { get; set; }

    /// <summary>Those of them whose damage an open, a read or a verification told; the others had hurt nothing that matters.</summary>
    public long DamagesFound { get; set; }

    public long Operations => Writes + Gets + Steps + Changes;

    public void Add(HistoryTally other)
    {
        Writes += other.Writes;
        Gets += other.Gets;
        Steps += other.Steps;
        Changes += other.Changes;
        Checked += other.Checked;
        FaultyCalls += other.FaultyCalls;
        Damages += other.Damages;
        DamagesFound += other.DamagesFound;
    }

    /// <summary>What was read since <paramref name="before"/> was read by a check.</summary>
    public void CountAsChecked(HistoryTally before)
    {
        Checked += Gets - before.Gets + Steps - before.Steps + Changes - before.Changes;
        (Gets, Steps, Changes) = (before.Gets, before.Steps, before.Changes);
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Operations:N0} operations ({Writes:N0} writes, {Gets:N0} gets, {Steps:N0} scan steps, {Changes:N0} changes of the feed), " +
        $"{Checked:N0} entries checked, " +
        $"{FaultyCalls:N0} calls on a bad disk, {DamagesFound:N0} of {Damages:N0} damages found, the others harmless");
}
