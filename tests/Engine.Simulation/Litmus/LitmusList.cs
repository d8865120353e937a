using Varve.Runtime;

namespace Varve.Simulation;

/// <summary>All litmus tests: the engine's protocols, and for each the copies that it must catch.</summary>
internal static class LitmusList
{
    /// <summary>The engine's own parts, by name.</summary>
    public static IReadOnlyDictionary<string, LitmusMaker> Sound { get; } = new Dictionary<string, LitmusMaker>
    {
        ["memtable"] = (scheduler, seam) => MemTable(scheduler, seam, _ => new MemTableLitmus.Real()),
        ["cache frames"] = (scheduler, seam) => new CacheLitmus(scheduler, keepsPin: true) { Seam = seam },
        ["views"] = (scheduler, seam) => new ViewLitmus(scheduler, pins: true) { Seam = seam },
        ["moments"] = (scheduler, seam) => new MomentLitmus(scheduler, loadsViewFirst: true) { Seam = seam },
        ["snapshots"] = (scheduler, seam) => new SnapshotLitmus(scheduler, registersUnderLock: true) { Seam = seam },
        ["commit queue"] = (scheduler, seam) => Commit(scheduler, seam, litmus => new RealCommits(litmus.Threads)),
        ["small commit queue"] = (scheduler, seam) => SmallCommit(scheduler, seam, CommitSlip.None),
    };

    /// <summary>Each with one step left out or in the wrong place.</summary>
    public static IReadOnlyDictionary<string, LitmusMaker> Broken { get; } = new Dictionary<string, LitmusMaker>
    {
        ["memtable: a record is linked before what it leads to"] =
            (scheduler, seam) => MemTable(scheduler, seam, litmus => new MemTableLitmus.LinksFirst(litmus.Seam)),
        ["memtable: the list of range deletes is changed in its place"] =
            (scheduler, seam) => MemTable(scheduler, seam, litmus => new MemTableLitmus.ChangesRangesInPlace(litmus.Seam)),
        ["cache frames: the pin ends before the read"] =
            (scheduler, seam) => new CacheLitmus(scheduler, keepsPin: false) { Seam = seam },
        ["views: read without a pin"] = (scheduler, seam) => new ViewLitmus(scheduler, pins: false) { Seam = seam },
        ["moments: the sequence is loaded before the view"] =
            (scheduler, seam) => new MomentLitmus(scheduler, loadsViewFirst: false) { Seam = seam },
        ["snapshots: registered after the sequence was taken"] =
            (scheduler, seam) => new SnapshotLitmus(scheduler, registersUnderLock: false) { Seam = seam },
        ["commit queue: acknowledged before published"] =
            (scheduler, seam) => SmallCommit(scheduler, seam, CommitSlip.AcknowledgesFirst),
        ["commit queue: acknowledged before synced"] = (scheduler, seam) => SmallCommit(scheduler, seam, CommitSlip.SyncsLast),
        ["commit queue: two leaders at a time"] = (scheduler, seam) => SmallCommit(scheduler, seam, CommitSlip.HandsOverFirst),
        ["commit queue: the lead taken in two steps"] =
            (scheduler, seam) => SmallCommit(scheduler, seam, CommitSlip.TakesLeadInTwoSteps),
        ["commit queue: published before applied"] = (scheduler, seam) => SmallCommit(scheduler, seam, CommitSlip.PublishesFirst),
    };

    private static MemTableLitmus MemTable(
        Scheduler scheduler, Action seam, Func<MemTableLitmus, MemTableLitmus.ISubject> make) =>
        new(scheduler, make) { Seam = seam };

    private static CommitLitmus Commit(Scheduler scheduler, Action seam, Func<CommitLitmus, CommitLitmus.ISubject> make) =>
        new(scheduler, make) { Seam = seam };

    private static CommitLitmus SmallCommit(Scheduler scheduler, Action seam, CommitSlip slip) =>
        Commit(scheduler, seam, litmus => new SmallGroupCommit(litmus.Threads, litmus.Seam, slip));
}
