using Varve.Entries;
using Varve.Levels;
using Varve.Native;

namespace Varve.Compaction;

/// <summary>Writes the entries of a run that somebody can still see, or that still hide something, to new tables.</summary>
internal static class EntryTransfer
{
    private const int EntriesBetweenLooks = 1024;

    /// <param name="source">All versions of each key, in entry order.</param>
    /// <param name="slice">The keys that are transferred.</param>
    /// <param name="snapshots">As <see cref="DropRule"/> wants them.</param>
    /// <param name="reclaimBound">Entries that expire before it are tombstones from now on.</param>
    /// <param name="levels">Where a deeper level may hold what a tombstone hides; null: take it that one does.</param>
    /// <param name="outputLevel">The level of the new tables.</param>
    /// <param name="ranges">The range tombstones of the same sources within the slice.</param>
    /// <param name="borders">Where to cut; null: one table.</param>
    /// <param name="output">Where the entries go; finished by the caller.</param>
    /// <param name="cancellation">Ends the transfer with <see cref="OperationCanceledException"/>.</param>
    public static TransferCounts Run(
        EntryCursor source, KeySlice slice, ulong[] snapshots, ulong reclaimBound, LevelMap? levels, int outputLevel,
        List<RangeTombstone> ranges, OutputBorders? borders, OutputTables output, CancellationToken cancellation)
    {
        var rule = new DropRule(snapshots);
        var rangeTransfer = new RangeTransfer(ranges, snapshots, levels, outputLevel);
        OutputBorders cuts = borders ?? default;
        var key = default(GrowingBuffer);
        long read = 0;
        ulong newest = 0;
        try
        {
            if (slice.Start is null) source.SeekToFirst();
            else source.Seek(slice.Start, Trailer.Newest);
            for (; source.IsValid; source.Next())
            {
                if (read % EntriesBetweenLooks == 0) cancellation.ThrowIfCancellationRequested();
                bool isNewKey = read == 0 || !source.KeySpan.SequenceEqual(key.Span);
                if (isNewKey)
                {
                    if (slice.EndsAtOrBefore(source.KeySpan)) break;
                    key.Set(source.KeySpan);
                }

                read++;
                newest = Math.Max(newest, Trailer.Sequence(source.Trailer));
                ulong trailer = source.Trailer;
                bool isReclaimed = Expiry.IsExpiring(trailer) && source.Expiry < reclaimBound;
                if (isReclaimed) trailer = Trailer.Pack(Trailer.Sequence(trailer), EntryKind.Tombstone);
                ReadOnlySpan<ulong> covering = rangeTransfer.IsEmpty ? default : rangeTransfer.Covering(source.KeySpan);
                DropVerdict verdict = rule.Judge(isNewKey, trailer, covering);
                if (isNewKey)
                {
                    if (!rangeTransfer.IsEmpty) rangeTransfer.Pass(source.KeySpan, isEnd: false, output);
                    if (borders is not null && cuts.ShouldCutBefore(source.KeySpan, output.OpenTableBytes))
                        rangeTransfer.Cut(source.KeySpan, output);
                }

                if (verdict == DropVerdict.Drop) continue;
                if (verdict == DropVerdict.DropUnlessDeeper
                    && levels is not null
                    && !levels.MayHoldDeeper(outputLevel, source.KeySpan))
                {
                    continue;
                }

                output.Add(source.KeySpan, trailer, isReclaimed ? default : source.GetValue());
            }

            rangeTransfer.End(output);
        }
        finally
        {
            key.Dispose();
        }

        return new TransferCounts(read, newest);
    }
}

/// <summary>What a transfer read.</summary>
/// <param name="EntriesRead">All entries, kept or not.</param>
/// <param name="NewestSequence">The highest sequence among them; 0 when there were none.</param>
internal readonly record struct TransferCounts(long EntriesRead, ulong NewestSequence);
