namespace Varve.Recovery;

/// <summary>Numbers for new files while the store is being opened, by one thread.</summary>
internal sealed class FileNumbers(long next)
{
    public long Next { get; private set; } = next;

    public long Take() => Next++;
}
