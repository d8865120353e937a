using Varve.Bytes;
using Varve.Commit;
using Varve.Memory;
using Varve.Native;

namespace Varve;

/// <summary>What fits and what does not; checked before anything is written.</summary>
internal sealed class Limits(MemoryPlan plan)
{
    /// <summary>Longest key a user may give, in bytes.</summary>
    public const int KeyBytesMax = 16 << 10;

    /// <summary>Longest map name, in bytes of UTF-8.</summary>
    public const int MapNameBytesMax = 255;

    /// <summary>
    /// The bounds of all range deletes of one batch, in bytes: reads search them, and a table has them in one block.
    /// </summary>
    public const int RangeBytesMax = 4 << 20;

    public int ValueBytesMax { get; } = (int)plan.ValueBytesMax;

    /// <summary>Memory that the entries of a batch may take; never less than a record of them in the log, which is one array.</summary>
    public long BatchBytesMax { get; } = Math.Min(plan.BatchBytesMax, Array.MaxLength);

    public static void CheckKey(ReadOnlySpan<byte> key)
    {
        if (key.Length > KeyBytesMax)
        {
            throw new ArgumentException($"The key has {key.Length:N0} bytes; a key may have {KeyBytesMax:N0}.", nameof(key));
        }
    }

    public void CheckValue(ReadOnlySpan<byte> value) => CheckValue(value.Length);

    public void CheckValue(long value)
    {
        if (value > ValueBytesMax)
        {
            throw new ArgumentException(
                $"The value has {value:N0} bytes; it may have {ValueBytesMax:N0}: "
                    + "the smaller of 64 MiB and an eighth of DatabaseOptions.MemoryBudgetBytes.",
                nameof(value));
        }
    }

    /// <summary>Checks that one more range delete fits the batch.</summary>
    public static void CheckRanges(BatchBuffer batch, int boundsBytes)
    {
        if (batch.RangeBytes + boundsBytes > RangeBytesMax)
        {
            throw new ArgumentException(
                $"The bounds of the batch's range deletes would have more than {RangeBytesMax:N0} bytes. Write it in parts.",
                nameof(batch));
        }
    }

    /// <summary>Checks that one more condition fits beside the batch: together they may take what the entries of a batch may.</summary>
    public void CheckConditions(long bytesBefore, int keyBytes, int valueBytes)
    {
        if (bytesBefore + OrderedVarint.BytesMax + keyBytes + valueBytes > BatchBytesMax)
        {
            throw new ArgumentException(
                $"The batch's conditions would take more than {BatchBytesMax:N0} bytes (each its key and its value), "
                + "a quarter of DatabaseOptions.MemoryBudgetBytes.",
                "batch");
        }
    }

    /// <summary>As <see cref="CheckBatch"/>, for a put that expires.</summary>
    public void CheckExpiringBatch(BatchBuffer batch, int keyBytes, int valueBytes) =>
        CheckBatch(batch, keyBytes, Entries.Expiry.PrefixBytes + valueBytes);

    /// <summary>
    /// Checks that one more operation fits the batch: its entries into the budget, and whatever their keys are into one memtable.
    /// </summary>
    public void CheckBatch(BatchBuffer batch, int keyBytes, int valueBytes)
    {
        long count = batch.Count + 1L;
        long allKeyBytes = batch.KeyBytes + OrderedVarint.BytesMax + keyBytes;
        long allValueBytes = batch.ValueBytes + valueBytes;
        if (MemTable.RecordBytesFor(count, allKeyBytes, allValueBytes) > BatchBytesMax)
        {
            throw new ArgumentException(
                $"The batch's entries would take more than {BatchBytesMax:N0} bytes of memory (each its key, its value and 31 bytes), "
                + "a quarter of DatabaseOptions.MemoryBudgetBytes. Write it in parts or raise the budget.",
                nameof(batch));
        }

        // A commit adds the names of maps that are new, and the next map's id.
        int newMaps = batch.UnrecordedMaps.Count + 2;
        long nameBytes = newMaps * (long)(OrderedVarint.BytesMax + MapNameBytesMax);
        long mapBytes = newMaps * (long)Varint.BytesMax;
        if (MemTable.RoomBytesFor(count + newMaps, allKeyBytes + nameBytes, allValueBytes + mapBytes) > MemTable.RoomBytesMax)
        {
            throw new ArgumentException(
                $"The batch would have too many operations for one memtable, {count:N0}. Write it in parts.", nameof(batch));
        }
    }
}
