using System.Runtime.CompilerServices;
using Varve.Entries;
using Varve.Reading;

namespace Varve;

// Reads without a copy, without a waiting thread, of many keys, and estimates.
public sealed partial class SortedMap
{
    /// <summary>Bytes of an <see cref="EntryPage"/> unless asked otherwise: 64 KiB.</summary>
    public const int PageBytesDefault = 64 << 10;

    /// <summary>Least bytes of an <see cref="EntryPage"/>: 1 KiB.</summary>
    public const int PageBytesMin = 1 << 10;

    /// <summary>Most bytes of an <see cref="EntryPage"/>: 16 MiB.</summary>
    public const int PageBytesMax = 16 << 20;

    /// <summary>Copies of the values of several keys, all of the same moment; null where a key is absent.</summary>
    /// <param name="keys">Each 0 to 16,384 bytes.</param>
    /// <param name="snapshot">The moment to read; default: now.</param>
    /// <returns>The values in the order of the keys. <see cref="MultiGet"/> is the same without arrays.</returns>
    /// <exception cref="CorruptDataException">A file that one of the keys needs is damaged.</exception>
    /// <exception cref="MemoryBudgetException">The values take more than a quarter of the memory budget.</exception>
    public byte[]?[] GetMany(ReadOnlySpan<byte[]> keys, Snapshot? snapshot = null)
    {
        using MultiGet gets = Database.CreateMultiGet();
        foreach (byte[] key in keys)
        {
            ArgumentNullException.ThrowIfNull(key, nameof(keys));
            gets.Add(this, key);
        }

        gets.Run(snapshot);
        byte[]?[] values = new byte[keys.Length][];
        for (int i = 0; i < values.Length; i++) values[i] = gets.TryGetValue(i, out ReadOnlySpan<byte> value) ? value.ToArray() : null;
        return values;
    }

    /// <summary>A key's value without a copy. Dispose the lease.</summary>
    /// <remarks>Allocates nothing. A value over 16 KiB that is in a table is read into a pooled array.</remarks>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="snapshot">The moment to read; default: now.</param>
    /// <exception cref="CorruptDataException">A file that the read needs is damaged.</exception>
    /// <exception cref="MemoryBudgetException">Open leases and cursors keep too much memory already; the message says which.</exception>
    [SkipLocalsInit]
    public ValueLease Lease(ReadOnlySpan<byte> key, Snapshot? snapshot = null)
    {
        Limits.CheckKey(key);
        Database.ThrowIfClosed();
        Database.CheckPinnedMemory();
        using var full = new FullKey(Identity, key, stackalloc byte[FullKey.StackBytes]);
        ReadView view = Database.Views.Pin();
        FoundEntry found;
        bool isFound;
        try
        {
            ReadMoment moment = Database.MomentOf(snapshot);
            isFound = PointLookup.TryFind(view, full.Span, moment.Sequence, out found);
            if (isFound && found.IsAbsent(moment))
            {
                found.Dispose();
                isFound = false;
            }
        }
        catch
        {
            view.Release();
            throw;
        }

        return new ValueLease(Database, view, found, isFound);
    }

    /// <summary>
    /// A copy of a key's value; null when the key is absent. Completes at once when all that is needed is in memory; else a thread of the
    /// engine reads, and nobody waits.
    /// </summary>
    /// <param name="key">0 to 16,384 bytes; not needed any more when the call returns.</param>
    /// <param name="snapshot">The moment to read, which may be disposed once the call has returned; default: now.</param>
    /// <param name="cancellation">Ends the wait. A read that a thread has begun is finished for nothing.</param>
    /// <exception cref="CorruptDataException">A file that the read needs is damaged; the task says it where the file was read.</exception>
    [SkipLocalsInit]
    public ValueTask<byte[]?> GetAsync(ReadOnlyMemory<byte> key, Snapshot? snapshot = null, CancellationToken cancellation = default)
    {
        Limits.CheckKey(key.Span);
        if (cancellation.IsCancellationRequested) return ValueTask.FromCanceled<byte[]?>(cancellation);
        using var full = new FullKey(Identity, key.Span, stackalloc byte[FullKey.StackBytes]);
        ReadView? view = Database.Views.Pin();
        SteppedLookup lookup = default;
        try
        {
            ReadMoment moment = Database.MomentOf(snapshot);
            lookup.Begin(view, full.Span, moment.Sequence);
            while (lookup.Outcome == LookupOutcome.GoesOn) lookup.Step(view, full.Span, moment.Sequence);
            if (lookup.Outcome == LookupOutcome.NotInMemory || (lookup.Outcome == LookupOutcome.Found && lookup.Found.IsSeparate))
            {
                var read = new AsyncGet(view, full.Span, moment);
                ObjectDisposedException.ThrowIf(!Database.Readers.TryPost(read, 1), Database);
                view = null;
                return new ValueTask<byte[]?>(read.GetTask(cancellation));
            }

            if (lookup.Outcome == LookupOutcome.Absent || lookup.Found.IsAbsent(moment)) return new ValueTask<byte[]?>((byte[]?)null);
            byte[] value = GC.AllocateUninitializedArray<byte>(lookup.Found.Length);
            lookup.Found.CopyTo(value);
            return new ValueTask<byte[]?>(value);
        }
        finally
        {
            lookup.Dispose();
            view?.Release();
        }
    }

    /// <summary>
    /// The entries from <paramref name="start"/> (inclusive) to <paramref name="end"/> (exclusive), either way, in pages that are read
    /// ahead by threads of the engine: while a page is looked at, the next one is read.
    /// </summary>
    /// <remarks>Each enumeration sees the moment it began at, or its snapshot's. Two pages are in memory at a time.</remarks>
    /// <param name="start">Smallest key; empty: no bound.</param>
    /// <param name="end">First key behind the range; empty: no bound.</param>
    /// <param name="direction">Which way; both are equally fast.</param>
    /// <param name="limit">Entries at most; default: no limit.</param>
    /// <param name="pageBytes">
    /// Bytes of keys and values of a page, 1 KiB to 16 MiB; default 64 KiB. A larger entry has a page of its own.
    /// </param>
    /// <param name="snapshot">The moment to read; default: when the enumeration begins.</param>
    /// <param name="cancellation">Ends the enumeration with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="CorruptDataException">A file that the next page needs is damaged.</exception>
    public IAsyncEnumerable<EntryPage> ScanAsync(
        ReadOnlyMemory<byte> start = default,
        ReadOnlyMemory<byte> end = default,
        Direction direction = Direction.Ascending,
        long limit = long.MaxValue,
        int pageBytes = PageBytesDefault,
        Snapshot? snapshot = null,
        CancellationToken cancellation = default)
    {
        Limits.CheckKey(start.Span);
        Limits.CheckKey(end.Span);
        return EnumeratePages(
            new PageRequest(this, start.ToArray(), end.ToArray(), RangeBounds.FromInclusive, direction, limit, pageBytes, snapshot),
            cancellation);
    }

    /// <summary>As <see cref="ScanAsync"/>, of the entries whose keys begin with the given bytes.</summary>
    /// <param name="prefix">What the keys begin with; empty: all.</param>
    /// <param name="direction">Which way; both are equally fast.</param>
    /// <param name="limit">Entries at most; default: no limit.</param>
    /// <param name="pageBytes">Bytes of keys and values of a page, 1 KiB to 16 MiB; default 64 KiB.</param>
    /// <param name="snapshot">The moment to read; default: when the enumeration begins.</param>
    /// <param name="cancellation">Ends the enumeration with <see cref="OperationCanceledException"/>.</param>
    public IAsyncEnumerable<EntryPage> ScanPrefixAsync(
        ReadOnlyMemory<byte> prefix,
        Direction direction = Direction.Ascending,
        long limit = long.MaxValue,
        int pageBytes = PageBytesDefault,
        Snapshot? snapshot = null,
        CancellationToken cancellation = default)
    {
        Limits.CheckKey(prefix.Span);
        return EnumeratePages(
            new PageRequest(this, prefix.ToArray(), [], RangeBounds.Prefix, direction, limit, pageBytes, snapshot), cancellation);
    }

    /// <summary>
    /// About how many entries stand from <paramref name="start"/> (inclusive) to <paramref name="end"/> (exclusive), from indexes alone: no
    /// entry of a table is read.
    /// </summary>
    /// <remarks>
    /// Off by up to a block's entries per table at each end of the range, and too high by versions and deletes that compaction has not yet
    /// removed. Exact only by chance; after <see cref="Database.Compact"/> good to a block's entries per end.
    /// </remarks>
    /// <param name="start">First key; empty: from the first entry.</param>
    /// <param name="end">First key behind the range; empty: to the last entry.</param>
    /// <exception cref="CorruptDataException">An index that is needed is damaged.</exception>
    public long EstimateCount(ReadOnlySpan<byte> start = default, ReadOnlySpan<byte> end = default) => Estimate(start, end).Entries;

    /// <summary>
    /// About how many bytes the entries from <paramref name="start"/> (inclusive) to <paramref name="end"/> (exclusive) take: in table
    /// files as they are stored, compressed ones too, and in memtables, of which it has the same share as of their entries. Remarks and
    /// errors as <see cref="EstimateCount"/>.
    /// </summary>
    /// <param name="start">First key; empty: from the first entry.</param>
    /// <param name="end">First key behind the range; empty: to the last entry.</param>
    public long EstimateBytes(ReadOnlySpan<byte> start = default, ReadOnlySpan<byte> end = default) => Estimate(start, end).Bytes;

    private RangeEstimate Estimate(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end)
    {
        Limits.CheckKey(start);
        Limits.CheckKey(end);
        byte[] lower = [.. Identity.Prefix, .. start];
        byte[] upper = end.IsEmpty ? Identity.PrefixEnd : [.. Identity.Prefix, .. end];
        ReadView view = Database.Views.Pin();
        try
        {
            return RangeEstimate.Of(view, lower, upper);
        }
        finally
        {
            view.Release();
        }
    }

    private static async IAsyncEnumerable<EntryPage> EnumeratePages(
        PageRequest request, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var reader = new PageReader(request, cancellation);
        try
        {
            Task<EntryPage?> read = reader.ReadAsync();
            while (await read.ConfigureAwait(false) is { } page)
            {
                read = reader.ReadAsync();
                yield return page;
            }
        }
        finally
        {
            await reader.CloseAsync().ConfigureAwait(false);
        }
    }
}
