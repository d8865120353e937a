using System.Runtime.CompilerServices;

namespace Varve.Entries;

/// <summary>The one order of entries: key bytes ascending (a prefix before what it begins), then trailer descending.</summary>
internal static unsafe class EntryOrder
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int CompareKeys(byte* a, int aLength, byte* b, int bLength) =>
        new ReadOnlySpan<byte>(a, aLength).SequenceCompareTo(new ReadOnlySpan<byte>(b, bLength));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Compare(byte* a, int aLength, ulong aTrailer, byte* b, int bLength, ulong bTrailer)
    {
        int order = CompareKeys(a, aLength, b, bLength);
        return order != 0 ? order : bTrailer.CompareTo(aTrailer);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Compare(ReadOnlySpan<byte> a, ulong aTrailer, ReadOnlySpan<byte> b, ulong bTrailer)
    {
        int order = a.SequenceCompareTo(b);
        return order != 0 ? order : bTrailer.CompareTo(aTrailer);
    }
}
