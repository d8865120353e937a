using System.Runtime.CompilerServices;

namespace Varve.Entries;

/// <summary>
/// The eight bytes behind a key: <c>sequence:56 | kind:8</c>. Entries order by key ascending, then trailer descending, so that
/// the newest version of a key comes first.
/// </summary>
internal static class Trailer
{
    /// <summary>The highest sequence: 2^56 - 1.</summary>
    public const ulong SequenceMax = (1UL << 56) - 1;

    /// <summary>Orders before every entry of the same key.</summary>
    public const ulong Newest = ulong.MaxValue;

    /// <summary>Orders behind every entry of the same key.</summary>
    public const ulong Oldest = 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Pack(ulong sequence, EntryKind kind) => sequence << 8 | (byte)kind;

    /// <summary>
    /// Orders before every entry of the same key with this sequence or an older one: where a read at the sequence begins.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong SeekAt(ulong sequence) => sequence << 8 | byte.MaxValue;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Sequence(ulong trailer) => trailer >> 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EntryKind Kind(ulong trailer) => (EntryKind)(byte)trailer;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsTombstone(ulong trailer) => (byte)trailer == (byte)EntryKind.Tombstone;
}
