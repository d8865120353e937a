using Varve.Bytes;
using Varve.Entries;

namespace Varve.Tables;

// Reads all of a table: every checksum, the order, the counts, and what the manifest says of it.
internal sealed partial class Table
{
    private const int VerifyBytes = 256 << 10;

    /// <param name="progress">Told the bytes read, now and then.</param>
    /// <param name="cancellation">Asked now and then.</param>
    /// <exception cref="CorruptDataException">The first thing found wrong.</exception>
    public void Verify(IProgress<long>? progress, CancellationToken cancellation)
    {
        VerifyFile(progress, cancellation);
        OpenedTable opened = Opened;
        using var cursor = new TableCursor(this, opened, new StreamingBlockFeed(this, opened));
        byte[] previousKey = new byte[TableFormat.KeyBytesMax];
        int previousLength = 0;
        ulong previousTrailer = 0;
        long entryCount = 0;
        long tombstoneCount = 0;
        byte[] smallestKey = [];
        ulong smallestTrailer = 0;
        var expiries = new ExpiryTally();
        for (cursor.SeekToFirst(); cursor.IsValid; cursor.Next())
        {
            if (entryCount % 4096 == 0) cancellation.ThrowIfCancellationRequested();
            if (cursor.KeyLength > previousKey.Length) ThrowCorrupt(0, $"a key has {cursor.KeyLength} bytes");
            ReadOnlySpan<byte> previous = previousKey.AsSpan(0, previousLength);
            if (entryCount > 0 && EntryOrder.Compare(previous, previousTrailer, cursor.KeySpan, cursor.Trailer) >= 0)
                ThrowCorrupt(0, $"entry {entryCount} is not behind the one before it");
            if (entryCount == 0)
            {
                smallestKey = cursor.KeySpan.ToArray();
                smallestTrailer = cursor.Trailer;
            }

            VerifyFindable(opened, cursor, isNewKey: entryCount == 0 || !cursor.KeySpan.SequenceEqual(previous));
            cursor.KeySpan.CopyTo(previousKey);
            previousLength = cursor.KeyLength;
            previousTrailer = cursor.Trailer;
            entryCount++;
            if (Trailer.IsTombstone(cursor.Trailer)) tombstoneCount++;
            if (Expiry.IsExpiring(cursor.Trailer)) expiries.Add(cursor.Expiry);
        }

        if (entryCount != Info.EntryCount || tombstoneCount != Info.TombstoneCount)
        {
            ThrowCorrupt(0, $"{entryCount} entries and {tombstoneCount} tombstones, expected {Info.EntryCount} and {Info.TombstoneCount}");
        }

        ExpirySummary summary = expiries.Summarize(entryCount);
        if (summary != Info.Expiries) ThrowCorrupt(0, $"its entries' expiries give {summary}, the manifest says {Info.Expiries}");
        VerifyBounds(entryCount > 0, smallestKey, smallestTrailer, previousKey[..previousLength], previousTrailer);
    }

    /// <summary>The bounds of entries and range tombstones together are those of the manifest.</summary>
    private void VerifyBounds(bool hasEntries, byte[] smallestKey, ulong smallestTrailer, byte[] largestKey, ulong largestTrailer)
    {
        ReadOnlySpan<RangeFragment> fragments = Ranges.Fragments;
        if (!fragments.IsEmpty)
        {
            byte[] start = fragments[0].Start;
            byte[] end = fragments[^1].End;
            if (!hasEntries || EntryOrder.Compare(start, Trailer.Newest, smallestKey, smallestTrailer) < 0)
                (smallestKey, smallestTrailer) = (start, Trailer.Newest);
            if (!hasEntries || EntryOrder.Compare(end, Trailer.Newest, largestKey, largestTrailer) > 0)
                (largestKey, largestTrailer) = (end, Trailer.Newest);
        }

        if (!smallestKey.AsSpan().SequenceEqual(Info.SmallestKey) || smallestTrailer != Info.SmallestTrailer)
            ThrowCorrupt(0, "the table does not begin where the manifest states");
        if (!largestKey.AsSpan().SequenceEqual(Info.LargestKey) || largestTrailer != Info.LargestTrailer)
            ThrowCorrupt(0, "the table does not end where the manifest states");
    }

    private void VerifyFile(IProgress<long>? progress, CancellationToken cancellation)
    {
        using var buffer = new NativeBuffer(VerifyBytes);
        uint checksum = 0;
        for (long offset = 0; offset < Info.FileBytes; offset += buffer.Bytes)
        {
            cancellation.ThrowIfCancellationRequested();
            Span<byte> piece = buffer.Span[..(int)Math.Min(buffer.Bytes, Info.FileBytes - offset)];
            ReadExactly(piece, offset);
            checksum = Crc32C.Append(checksum, piece);
            progress?.Report(offset + piece.Length);
        }

        if (checksum != Info.FileChecksum)
            ThrowCorrupt(0, $"the file's checksum is {checksum:x8}, the manifest says {Info.FileChecksum:x8}");
    }

    /// <summary>Index and filter lead to the entry: a get finds what a scan shows.</summary>
    private void VerifyFindable(OpenedTable opened, TableCursor cursor, bool isNewKey)
    {
        int partition = opened.Top.Find(cursor.KeySpan);
        if (isNewKey && !cursor.IsWhereIndexLeads()) ThrowCorrupt(0, "the index does not lead to an entry of the table");
        if (!MayContain(opened, partition, KeyHash.Compute(cursor.KeySpan)))
            ThrowCorrupt(opened.Top[partition].Filter.Offset, "the filter denies a key of the table");
    }
}
