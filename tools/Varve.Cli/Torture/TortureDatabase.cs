namespace Varve.Cli.Torture;

/// <summary>How a torture opens its databases: small, so that flushes and compactions never rest.</summary>
internal static class TortureDatabase
{
    public const long MemoryBudgetBytes = 16L << 20;

    /// <summary>More than the tables there are.</summary>
    public const int OpenFilesMax = 512;

    private const long ChangeHistoryBytes = 4L << 20;

    public static DatabaseOptions Options(long memoryBudgetBytes = MemoryBudgetBytes, int openFilesMax = OpenFilesMax) => new()
    {
        MemoryBudgetBytes = memoryBudgetBytes,
        OpenFilesMax = openFilesMax,
        ChangeHistoryBytes = ChangeHistoryBytes,
    };
}
