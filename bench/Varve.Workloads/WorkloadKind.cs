namespace Varve.Workloads;

/// <summary>The workloads, by db_bench's names. <c>ReadsPrepared</c>: works on the database that fillrandom left.</summary>
internal sealed record WorkloadKind(string Name, bool IsFill, bool ReadsPrepared, string Meaning)
{
    public bool IsWalk => Name is "readseq" or "readreverse" or "scansparse" or "scansparsereverse";

    /// <summary>Before the clock starts the store gets the time to clear away what was deleted.</summary>
    public bool IsSettledBefore => Name is "scansparse" or "scansparsereverse";

    public static IReadOnlyList<WorkloadKind> All { get; } =
    [
        new("fillseq", true, false, "puts all keys in ascending order into an empty store"),
        new("fillrandom", true, false, "puts all keys in random order into an empty store"),
        new("readrandom", false, true, "gets present keys in random order"),
        new("readmissing", false, true, "gets absent keys, between the present ones, in random order"),
        new("multiget8", false, true, "gets present keys in random order, eight with each call; figures a key"),
        new("readseq", false, true, "walks over all entries ascending"),
        new("readreverse", false, true, "walks over all entries descending"),
        new("seekrandom", false, true, "seeks to random keys and reads ten entries from there"),
        new("overwrite", true, true, "puts all keys again, in another random order"),
        new("deletepoints", false, true, "deletes 100 of each 101 keys one by one, ascending; changes the store for what follows"),
        new("deleteranges", false, true, "deletes the same keys by ranges of 100; changes the store for what follows"),
        new("scandeleted", false, true, "walks over what is left once, before upkeep had its time; twice, the other way then"),
        new("scansparse", false, true, "walks over what is left, ascending, upkeep done"),
        new("scansparsereverse", false, true, "walks over what is left, descending, upkeep done"),
    ];

    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public static WorkloadKind Named(string name) =>
        All.FirstOrDefault(workload => workload.Name == name)
        ?? throw new ArgumentException($"No workload is called '{name}'; there are "
            + $"{string.Join(", ", All.Select(workload => workload.Name))}.");
}
