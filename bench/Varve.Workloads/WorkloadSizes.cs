namespace Varve.Workloads;

/// <summary>How much, how large, from which seed.</summary>
/// <param name="Entries">In the store before a workload that reads.</param>
/// <param name="Reads">Operations of a workload that reads or mixes.</param>
/// <param name="ValueBytes">At least 8.</param>
/// <param name="BudgetBytes">See <see cref="StoreOptions"/>.</param>
/// <param name="Seed">Order and values.</param>
/// <param name="SteadyTime">How long a workload that has no end runs; the others that repeat themselves run no longer.</param>
/// <param name="WarmupTime">How long a workload runs on a small store of its own before the clock starts.</param>
internal sealed record WorkloadSizes(
    long Entries, long Reads, int ValueBytes, long BudgetBytes, int Seed, TimeSpan SteadyTime, TimeSpan WarmupTime);
