namespace Varve;

/// <summary>Whether a database is well, at one moment.</summary>
public sealed record DatabaseHealth
{
    /// <summary>True when writes are taken; false when it was opened for reading, or a failure has stopped writing.</summary>
    public required bool IsWritable { get; init; }

    /// <summary>What has stopped writing until the next open; null while nothing has.</summary>
    public required Exception? WriteStopCause { get; init; }

    /// <summary>
    /// What ended the last flush or compaction, say a full disk; null when it succeeded. It is tried again, and reads and writes go on as
    /// long as there is room.
    /// </summary>
    public required Exception? UpkeepFailure { get; init; }

    /// <summary>0 to 1, see <see cref="Database.WritePressure"/>.</summary>
    public required double WritePressure { get; init; }

    /// <summary>
    /// What reads, compactions and verifications since the open have found first in each damaged file; empty when nothing was. Reads that
    /// touch the damaged place throw; all else goes on.
    /// </summary>
    public required IReadOnlyList<CorruptDataException> Damages { get; init; }
}
