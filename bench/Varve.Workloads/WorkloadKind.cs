using Varve.Workloads.Loads;

namespace Varve.Workloads;

/// <summary>What a workload finds.</summary>
internal enum Ground
{
    /// <summary>An empty directory.</summary>
    Empty,

    /// <summary>What the peer's fillrandom left, which it does not change.</summary>
    Filled,

    /// <summary>A copy of that, which it may change.</summary>
    CopyOfFilled,

    /// <summary>What the peer's last workload of deletes left: one entry of 101.</summary>
    Sparse,
}

/// <summary>The workloads, by db_bench's and YCSB's names.</summary>
/// <param name="Name">On the command line and in reports.</param>
/// <param name="Ground">What it finds.</param>
/// <param name="Execute">Runs it and returns the number of operations.</param>
/// <param name="Meaning">For people.</param>
internal sealed record WorkloadKind(string Name, Ground Ground, Func<Load, long> Execute, string Meaning)
{
    /// <summary>Stretches of walks, in which one entry takes no longer than two looks at the clock.</summary>
    private const int OperationsPerSampleOfWalk = 256;

    private const int OperationsPerSampleUsually = 16;

    /// <summary>Its database is what later workloads of the round find.</summary>
    public bool LeavesFilled => Name == "fillrandom";

    /// <summary>The same for what is sparse.</summary>
    public bool LeavesSparse => Name is "deletepoints" or "deleteranges";

    /// <summary>All it does is write: the rate until upkeep is done is reported too.</summary>
    public bool IsFill { get; private init; }

    /// <summary>Walks over a few entries are too short to be timed: repeated as a whole until they took some time.</summary>
    public bool IsWalk { get; private init; }

    /// <summary>After the clock has stopped the store gets the time to flush and compact, which counts as what was written.</summary>
    public bool IsSettledAfter => (Ground is Ground.Empty or Ground.CopyOfFilled) && !IsSynced && !LeavesSparse;

    /// <summary>Some keys are asked for more often than others.</summary>
    public bool DrawsByPopularity => Name.StartsWith("ycsb", StringComparison.Ordinal);

    /// <summary>Every write is on the device before it is acknowledged.</summary>
    public bool IsSynced { get; private init; }

    /// <summary>At 80 % of the rate of the peer's fillrandom.</summary>
    public bool IsPaced { get; private init; }

    /// <summary>Before the clock starts the store gets the time to clear away what was deleted.</summary>
    public bool IsSettledBefore { get; private init; }

    /// <summary>A writer is killed first, and the time of the open is what counts.</summary>
    public bool IsRecovery => Name == "recovery";

    /// <summary>A reader beside a writer, for a time.</summary>
    public bool IsSteady => Name == "readwhilewriting";

    /// <summary>One in so many operations is timed by itself.</summary>
    public int OperationsPerSample => IsSynced || IsPaced ? 1 : IsWalk ? OperationsPerSampleOfWalk : OperationsPerSampleUsually;

    public static IReadOnlyList<WorkloadKind> All { get; } =
    [
        new("fillseq", Ground.Empty, Fills.InOrder, "puts all keys in ascending order into an empty store") { IsFill = true },
        new("fillrandom", Ground.Empty, Fills.AtRandom, "puts all keys in random order into an empty store") { IsFill = true },
        new("fillbatch", Ground.Empty, Fills.InBatches, "the same by batches of 100; latencies of a batch") { IsFill = true },
        new("fillpaced", Ground.Empty, Fills.Paced, "fillrandom at 80 % of its rate, every put timed") { IsPaced = true },
        new("fillsync", Ground.Empty, Fills.ForSomeTime, "puts in random order for five seconds, each synced") { IsSynced = true },
        new("fillsync8", Ground.Empty, Fills.ForSomeTimeByEight, "the same by 8 threads") { IsSynced = true },
        new("overwrite", Ground.CopyOfFilled, Fills.Again, "puts all keys again, in another random order") { IsFill = true },
        new("deleterandom", Ground.CopyOfFilled, Walks.DeleteAtRandom, "deletes all keys in random order") { IsFill = true },
        new("readrandom", Ground.Filled, Reads.Present, "gets present keys in random order"),
        new("readrandom2", Ground.Filled, Reads.PresentByTwo, "the same by 2 threads"),
        new("readmissing", Ground.Filled, Reads.Absent, "gets absent keys, between the present ones, in random order"),
        new("multiget8", Ground.Filled, Reads.Several, "gets present keys in random order, eight a call; latencies of a call"),
        new("readseq", Ground.Filled, Walks.Forward, "walks over all entries ascending") { IsWalk = true },
        new("readreverse", Ground.Filled, Walks.Backward, "walks over all entries descending") { IsWalk = true },
        new("seek1", Ground.Filled, Reads.Seek1, "seeks to random keys and goes one entry on"),
        new("seek10", Ground.Filled, Reads.Seek10, "seeks to random keys and goes ten entries on"),
        new("seek100", Ground.Filled, Reads.Seek100, "seeks to random keys and goes a hundred entries on"),
        new("seekprev10", Ground.Filled, Reads.SeekPrevious10, "seeks to random keys and goes ten entries back"),
        new("readwhilewriting", Ground.CopyOfFilled, Reads.WhileWriting, "gets present keys while a writer overwrites, for a steady time"),
        new("ycsba", Ground.CopyOfFilled, Ycsb.A, "half gets, half updates, popular keys often"),
        new("ycsbb", Ground.CopyOfFilled, Ycsb.B, "95 % gets, 5 % updates, popular keys often"),
        new("ycsbc", Ground.Filled, Ycsb.C, "gets, popular keys often"),
        new("ycsbd", Ground.CopyOfFilled, Ycsb.D, "95 % gets, the latest keys often, 5 % inserts"),
        new("ycsbe", Ground.CopyOfFilled, Ycsb.E, "95 % scans of 1 to 100 entries from popular keys on, 5 % inserts"),
        new("ycsbf", Ground.CopyOfFilled, Ycsb.F, "half gets, half read-modify-writes, popular keys often"),
        new("recovery", Ground.Empty, KilledWriter.GetLast, "opens after a kill -9 with 64 MB in the log, and gets the last entry"),
        new("deletepoints", Ground.CopyOfFilled, Walks.DeletePoints, "deletes 100 of each 101 keys one by one, ascending"),
        new("scandeleted", Ground.Sparse, Walks.SparseBothWays, "walks over what is left, before upkeep had its time; then the other way"),
        new("scansparse", Ground.Sparse, Walks.SparseForward, "walks over what is left, ascending, upkeep done")
        {
            IsWalk = true,
            IsSettledBefore = true,
        },
        new("scansparsereverse", Ground.Sparse, Walks.SparseBackward, "walks over what is left, descending, upkeep done")
        {
            IsWalk = true,
            IsSettledBefore = true,
        },
        new("deleteranges", Ground.CopyOfFilled, Walks.DeleteRanges, "deletes the keys of deletepoints by ranges of 100"),
    ];

    /// <summary>
    /// Not one of them: the filled store comes to rest before others read it, or the first would be measured beside the merge of what the
    /// fill left last.
    /// </summary>
    public static WorkloadKind Rest { get; } = new("rest", Ground.Filled, _ => 1, "lets the store finish its upkeep")
    {
        IsSettledBefore = true,
    };

    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public static WorkloadKind Named(string name) =>
        All.Append(Rest).FirstOrDefault(workload => workload.Name == name)
        ?? throw new ArgumentException($"No workload is called '{name}'; there are "
            + $"{string.Join(", ", All.Select(workload => workload.Name))}.");

    /// <summary>Those of a comma-separated list; "all" stands for all.</summary>
    /// <exception cref="ArgumentException">There is none of a name.</exception>
    public static WorkloadKind[] NamedIn(string names) =>
        names == "all"
            ? [.. All]
            : [.. names.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(Named)];
}
