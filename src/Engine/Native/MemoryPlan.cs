namespace Varve.Native;

/// <summary>
/// How one byte budget is split, by fixed fractions: 40 % memtables, 45 % cache (blocks, indexes, filters), 10 % compaction and
/// buffers of files, 5 % cursors and leases.
/// </summary>
/// <remarks>
/// Larger memtables than 256 MiB gain little and make recovery long, so what a large budget leaves of their share goes to the cache.
/// </remarks>
internal sealed class MemoryPlan
{
    /// <summary>The least that works: one maximal value fits into a memtable, and a few frames of every size into the cache.</summary>
    public const long BudgetBytesMin = 8L << 20;

    /// <summary>One memtable takes writes while two are being flushed.</summary>
    public const int MemtableCountMax = 3;

    private const long DefaultBudgetBytesMax = 512L << 20;
    private const int DefaultBudgetPercent = 25;

    private const int MemtablesPercent = 40;
    private const int CompactionPercent = 10;
    private const int CursorPercent = 5;
    private const long MemtableBytesLargest = 256L << 20;
    private const long ValueBytesLargest = 64L << 20;
    private const int ValueDivisor = 8;
    private const int BatchDivisor = 4;

    /// <exception cref="ArgumentOutOfRangeException">Less than <see cref="BudgetBytesMin"/>.</exception>
    public MemoryPlan(long budgetBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(budgetBytes, BudgetBytesMin);
        BudgetBytes = budgetBytes;
        MemtableBytes = Math.Min(MemtableBytesLargest, Percent(budgetBytes, MemtablesPercent) / MemtableCountMax);
        CompactionBytes = Percent(budgetBytes, CompactionPercent);
        CursorBytes = Percent(budgetBytes, CursorPercent);
        CacheBytes = budgetBytes - MemtableBytes * MemtableCountMax - CompactionBytes - CursorBytes;
        ValueBytesMax = (int)Math.Min(ValueBytesLargest, budgetBytes / ValueDivisor);
        BatchBytesMax = budgetBytes / BatchDivisor;
    }

    public long BudgetBytes { get; }

    /// <summary>What one memtable holds before it is flushed.</summary>
    public long MemtableBytes { get; }

    public long CacheBytes { get; }

    public long CompactionBytes { get; }

    public long CursorBytes { get; }

    public int ValueBytesMax { get; }

    public long BatchBytesMax { get; }

    /// <summary>The budget when none is given: a quarter of the memory this process may use, at most 512 MiB.</summary>
    /// <param name="availableBytes"><see cref="GCMemoryInfo.TotalAvailableMemoryBytes"/>, which knows the limits of a container.</param>
    public static long DefaultBudgetBytes(long availableBytes) =>
        Math.Clamp(Percent(availableBytes, DefaultBudgetPercent), BudgetBytesMin, DefaultBudgetBytesMax);

    /// <summary>Divides first, so that no budget overflows.</summary>
    private static long Percent(long bytes, int percent) => bytes / 100 * percent;
}
