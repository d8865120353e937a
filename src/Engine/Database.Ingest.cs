using Varve.Commit;
using Varve.Tables;

namespace Varve;

// Sorted input past the log.
public sealed partial class Database
{
    /// <summary>
    /// Begins to write sorted entries straight to tables. Nothing of it is seen until <see cref="IngestWriter.Commit"/>. Takes about
    /// 3 MiB of memory, however much is ingested.
    /// </summary>
    /// <param name="progress">Told every 4,096 entries how far it is, and at the end.</param>
    /// <exception cref="DatabaseReadOnlyException">The database was opened for reading only.</exception>
    public IngestWriter CreateIngest(IProgress<IngestProgress>? progress = null)
    {
        ThrowIfClosed();
        return new IngestWriter(this, UpkeepParts.CreateIngestOutput(), UpkeepParts.TableBytes, progress);
    }

    /// <summary>
    /// Writes sorted entries to a map: straight to tables, past the log; durable, and visible at one sequence, on return.
    /// </summary>
    /// <param name="map">A map of this database.</param>
    /// <param name="entries">Keys ascend strictly. Read once; the memory of an entry may be reused for the next.</param>
    /// <param name="progress">Told every 4,096 entries how far it is, and at the end.</param>
    /// <param name="cancellation">Asked before every entry: nothing has happened then.</param>
    /// <returns>The sequence; the latest one when there were no entries, which is no write.</returns>
    /// <exception cref="ArgumentException">
    /// An entry is over a limit or its key not above the one before; the message names key and position. Nothing has happened.
    /// </exception>
    /// <exception cref="StorageException">The disk refused: the ingest did not happen.</exception>
    /// <exception cref="CommitOutcomeUnknownException">The disk refused at the last step: it may exist after the next open.</exception>
    public ulong Ingest(
        SortedMap map,
        IEnumerable<KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>> entries,
        IProgress<IngestProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(entries);
        using IngestWriter writer = CreateIngest(progress);
        foreach ((ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value) in entries)
        {
            cancellation.ThrowIfCancellationRequested();
            writer.Add(map, key.Span, value.Span);
        }

        return writer.Commit(cancellation);
    }

    /// <summary>Takes finished tables into the order of writes.</summary>
    /// <param name="marks">What the log says of them.</param>
    /// <param name="tables">Durable, with their names.</param>
    /// <param name="takeOver">Called right before the edit is tried: from then on the tables are not the writer's to delete.</param>
    internal ulong CommitIngest(BatchBuffer marks, IReadOnlyList<TableInfo> tables, Action takeOver)
    {
        // Writers wait while the queue's leader flushes: most of it is done before.
        Flush();
        bool isTried = false;
        try
        {
            return Commit.Run(CommitKind.Ingest, marks, Durability.Synced, sequence =>
            {
                isTried = true;
                takeOver();
                UpkeepParts.Install(tables, sequence);
            });
        }
        catch (CommitOutcomeUnknownException failure) when (!isTried)
        {
            throw new DatabaseReadOnlyException(
                "The ingest did not happen, and the database takes no writes until it is opened again: " + failure.Message, failure);
        }
    }
}
