using System.Globalization;

namespace Varve;

/// <summary>
/// Something that happened in a database, as <see cref="DatabaseOptions.OnEvent"/> is told it. Its text is one English sentence.
/// </summary>
/// <remarks>Immutable: safe to keep and to read from any thread.</remarks>
public abstract class DatabaseEvent
{
    private protected DatabaseEvent()
    {
    }

    /// <summary>The database's directory, as a full path.</summary>
    public string Directory { get; internal set; } = "";

    /// <summary>When it happened, in UTC, by the database's clock.</summary>
    public DateTimeOffset Time { get; internal set; }

    /// <summary>What happened, as a sentence; it does not name the directory.</summary>
    public abstract override string ToString();
}

/// <summary>The database is open, and what a crash had left in the log is recovered.</summary>
public sealed class DatabaseOpenedEvent : DatabaseEvent
{
    /// <summary>How long the open took.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>Whether it was opened for reading only.</summary>
    public required bool IsReadOnly { get; init; }

    /// <summary>False when it had not been closed: the process, the system or the power had failed. True for a new one.</summary>
    public required bool WasClosedCleanly { get; init; }

    /// <summary>Records of the log that were replayed.</summary>
    public required long RecoveredRecords { get; init; }

    /// <summary>Bytes of the log that were read.</summary>
    public required long RecoveredBytes { get; init; }

    /// <summary>The sequence of the last write that reads see.</summary>
    public required ulong LatestSequence { get; init; }

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"Opened in {Duration.TotalMilliseconds:N0} ms{(IsReadOnly ? " for reading only" : "")}"
        + $"{(WasClosedCleanly ? "" : " after a crash")}: {RecoveredRecords:N0} records recovered.");
}

/// <summary>The database is closed. The last event of a database.</summary>
public sealed class DatabaseClosedEvent : DatabaseEvent
{
    /// <summary>Why the end is not a clean one, so that the next open recovers as after a crash; null when it is.</summary>
    public required Exception? Failure { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Failure is null
        ? "Closed."
        : $"Closed, but not cleanly: {Failure.Message}";
}

/// <summary>A memtable was written to tables.</summary>
public sealed class FlushCompletedEvent : DatabaseEvent
{
    /// <summary>From the first entry until readers saw the tables.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>Entries the memtable held, old versions and tombstones included.</summary>
    public required long Entries { get; init; }

    /// <summary>Tables written.</summary>
    public required int Tables { get; init; }

    /// <summary>Bytes written.</summary>
    public required long WrittenBytes { get; init; }

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"Flushed {Entries:N0} entries to {Tables} tables of {WrittenBytes:N0} bytes in {Duration.TotalMilliseconds:N0} ms.");
}

/// <summary>A flush failed. It will be tried again, unless writing has stopped.</summary>
public sealed class FlushFailedEvent : DatabaseEvent
{
    /// <summary>What ended it.</summary>
    public required Exception Failure { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"A flush failed: {Failure.Message}";
}

/// <summary>Tables were merged into a deeper level, or moved there as they are.</summary>
public sealed class CompactionCompletedEvent : DatabaseEvent
{
    /// <summary>
    /// Why: <c>LevelZero</c>, <c>Size</c>, <c>Tombstones</c>, <c>Calm</c>, <c>RewriteRaw</c>, <c>Requested</c>. More may come.
    /// </summary>
    public required string Reason { get; init; }

    /// <summary>The level it began on, 0 to 6.</summary>
    public required int InputLevel { get; init; }

    /// <summary>The level it wrote to.</summary>
    public required int OutputLevel { get; init; }

    /// <summary>True when a table went deeper without being rewritten.</summary>
    public required bool IsMove { get; init; }

    /// <summary>From the first entry until readers saw the new tables.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>Tables merged, of both levels.</summary>
    public required int InputTables { get; init; }

    /// <summary>Tables that took their place.</summary>
    public required int OutputTables { get; init; }

    /// <summary>Bytes read; 0 for a move.</summary>
    public required long ReadBytes { get; init; }

    /// <summary>Bytes written; 0 for a move.</summary>
    public required long WrittenBytes { get; init; }

    /// <inheritdoc/>
    public override string ToString() => IsMove
        ? string.Create(CultureInfo.InvariantCulture, $"Moved {InputTables} tables from level {InputLevel} to {OutputLevel} ({Reason}).")
        : string.Create(
            CultureInfo.InvariantCulture,
            $"Compacted {InputTables} tables of level {InputLevel} into {OutputTables} of level {OutputLevel} ({Reason}): "
            + $"{ReadBytes:N0} bytes read, {WrittenBytes:N0} written in {Duration.TotalMilliseconds:N0} ms.");
}

/// <summary>A compaction failed. It will be tried again, unless an input is damaged or writing has stopped.</summary>
public sealed class CompactionFailedEvent : DatabaseEvent
{
    /// <summary>The level it began on.</summary>
    public required int InputLevel { get; init; }

    /// <summary>The level it wrote to.</summary>
    public required int OutputLevel { get; init; }

    /// <summary>What ended it.</summary>
    public required Exception Failure { get; init; }

    /// <inheritdoc/>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"A compaction of level {InputLevel} into {OutputLevel} failed: {Failure.Message}");
}

/// <summary>
/// A read, a compaction or a verification met damage. Raised once for each file; whatever does not touch the damaged place goes on.
/// </summary>
public sealed class DamageFoundEvent : DatabaseEvent
{
    /// <summary>The file, the offset and what was expected.</summary>
    public required CorruptDataException Damage { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"Damage found: {Damage.Message}";
}

/// <summary>The database takes no writes until it is opened again. Raised once.</summary>
public sealed class WritingStoppedEvent : DatabaseEvent
{
    /// <summary>What stopped it.</summary>
    public required Exception Cause { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"No writes are taken until the next open: {Cause.Message}";
}

/// <summary>What a write waits for.</summary>
public enum StallReason
{
    /// <summary>A flush: every memtable is full.</summary>
    Flush = 0,

    /// <summary>Compaction: it is as far behind as it may be.</summary>
    Compaction = 1,
}

/// <summary>Writes stand still until upkeep has caught up.</summary>
public sealed class StallBeganEvent : DatabaseEvent
{
    /// <summary>What they wait for.</summary>
    public required StallReason Reason { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"Writes wait for {(Reason == StallReason.Flush ? "a flush" : "compaction")}.";
}

/// <summary>Writes go on, or fail.</summary>
public sealed class StallEndedEvent : DatabaseEvent
{
    /// <summary>What they waited for.</summary>
    public required StallReason Reason { get; init; }

    /// <summary>How long they stood still.</summary>
    public required TimeSpan Duration { get; init; }

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"Writes have waited {Duration.TotalMilliseconds:N0} ms for {(Reason == StallReason.Flush ? "a flush" : "compaction")}.");
}

/// <summary>Segments of the log are no longer needed: everything in them is in tables.</summary>
public sealed class LogRecycledEvent : DatabaseEvent
{
    /// <summary>Segments given up.</summary>
    public required long Segments { get; init; }

    /// <summary>Bytes of the log that a recovery would still read.</summary>
    public required long LiveBytes { get; init; }

    /// <inheritdoc/>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Segments} segments of the log were given up; {LiveBytes:N0} bytes are live.");
}

/// <summary>A verification has ended.</summary>
public sealed class VerificationCompletedEvent : DatabaseEvent
{
    /// <summary>How long it took.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>Tables read.</summary>
    public required int Tables { get; init; }

    /// <summary>Bytes read.</summary>
    public required long Bytes { get; init; }

    /// <summary>Tables found damaged.</summary>
    public required int DamagedTables { get; init; }

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"Verified {Tables} tables of {Bytes:N0} bytes in {Duration.TotalSeconds:N1} s: {DamagedTables} damaged.");
}
