using Varve.Commit;
using Varve.Entries;

namespace Varve;

/// <summary>Checks what a caller gives for a range delete and puts it into a batch.</summary>
internal static class RangeOperations
{
    /// <exception cref="ArgumentException">A bound is over its limit, or the start is behind the end. The batch is as before.</exception>
    public static void AddDeleteRange(
        BatchBuffer batch, MapIdentity map, ReadOnlySpan<byte> start, ReadOnlySpan<byte> end, Limits? limits = null)
    {
        Limits.CheckKey(start);
        Limits.CheckKey(end);
        if (end.IsEmpty)
        {
            Add(batch, map, start, map.PrefixEnd, limits);
            return;
        }

        int order = start.SequenceCompareTo(end);
        if (order > 0) throw new ArgumentException("The range's start lies behind its end.", nameof(start));
        if (order == 0) return;
        using var full = new FullKey(map, end, stackalloc byte[FullKey.StackBytes]);
        Add(batch, map, start, full.Span, limits);
    }

    /// <exception cref="ArgumentException">The prefix is over the limit of a key. The batch is as before.</exception>
    public static void AddDeletePrefix(BatchBuffer batch, MapIdentity map, ReadOnlySpan<byte> prefix, Limits? limits = null)
    {
        Limits.CheckKey(prefix);
        using var full = new FullKey(map, prefix, stackalloc byte[FullKey.StackBytes]);
        Add(batch, map, prefix, MapIdentity.SuccessorOfPrefix(full.Span), limits);
    }

    private static void Add(BatchBuffer batch, MapIdentity map, ReadOnlySpan<byte> start, ReadOnlySpan<byte> fullEnd, Limits? limits)
    {
        Limits.CheckRanges(batch, start.Length + fullEnd.Length);
        limits?.CheckBatch(batch, start.Length, fullEnd.Length);
        batch.AddDeleteRange(map, start, fullEnd);
    }
}
