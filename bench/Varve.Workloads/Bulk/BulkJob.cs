namespace Varve.Workloads.Bulk;

/// <summary>What both sides of a bulk run know.</summary>
internal sealed record BulkJob(string Directory, string AckPath, long Entries, long BudgetBytes, int Seed)
{
    public const int ValueBytes = 100;

    /// <summary>Resident memory above that of the process before Open that the engine may take: 1.1 times the budget and 64 MB.</summary>
    public long ResidentBytesMax => BudgetBytes + BudgetBytes / 10 + 64_000_000;

    public KeySpace CreateKeys() => new(Entries, ValueBytes, Seed);

    public Database Open() =>
        Database.Open(Directory, new DatabaseOptions { MemoryBudgetBytes = BudgetBytes, Durability = Durability.Buffered });
}
