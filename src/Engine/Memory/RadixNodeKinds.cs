using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Varve.Memory;

// The four layouts of a node, and the ordered search in each.
internal unsafe partial struct RadixNode
{
    /// <summary>Labels in the order they came, not sorted: adding one moves nothing that a reader may look at.</summary>
    internal struct Node4
    {
        public const int ChildrenMax = 4;

        public RadixNode Head;
        public fixed byte Labels[ChildrenMax];
        public fixed uint Children[ChildrenMax];
    }

    /// <summary>As <see cref="Node4"/>.</summary>
    internal struct Node16
    {
        public const int ChildrenMax = 16;

        public RadixNode Head;
        public fixed byte Labels[ChildrenMax];
        public fixed uint Children[ChildrenMax];
    }

    /// <summary>By label, one more than the child's place; 0 when there is no such child.</summary>
    internal struct Node48
    {
        public const int ChildrenMax = 48;

        public RadixNode Head;
        public fixed byte Slots[256];
        public fixed uint Children[ChildrenMax];
    }

    /// <summary>The child by label; 0 when there is none.</summary>
    internal struct Node256
    {
        public RadixNode Head;
        public fixed uint Children[256];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint* FindIn4(Node4* node, byte label)
    {
        // The count comes first, here as below: labels behind it may not be written yet.
        int count = Volatile.Read(ref node->Head.ChildCount);
        for (int i = 0; i < count; i++)
        {
            if (node->Labels[i] == label) return node->Children + i;
        }

        return null;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint* FindIn16(Node16* node, byte label)
    {
        uint live = (1u << Volatile.Read(ref node->Head.ChildCount)) - 1;
        uint places = Vector128.Equals(Vector128.Load(node->Labels), Vector128.Create(label)).ExtractMostSignificantBits() & live;
        return places == 0 ? null : node->Children + BitOperations.TrailingZeroCount(places);
    }

    private static int FirstIn4(Node4* node, int label, out uint child)
    {
        int count = Volatile.Read(ref node->Head.ChildCount);
        int best = int.MaxValue;
        int place = 0;
        for (int i = 0; i < count; i++)
        {
            int candidate = node->Labels[i];
            if (candidate < label || candidate >= best) continue;
            best = candidate;
            place = i;
        }

        child = best == int.MaxValue ? 0 : Volatile.Read(ref node->Children[place]);
        return best == int.MaxValue ? -1 : best;
    }

    private static int LastIn4(Node4* node, int label, out uint child)
    {
        int count = Volatile.Read(ref node->Head.ChildCount);
        int best = -1;
        int place = 0;
        for (int i = 0; i < count; i++)
        {
            int candidate = node->Labels[i];
            if (candidate > label || candidate <= best) continue;
            best = candidate;
            place = i;
        }

        child = best < 0 ? 0 : Volatile.Read(ref node->Children[place]);
        return best;
    }

    private static int FirstIn16(Node16* node, byte label, out uint child)
    {
        int count = Volatile.Read(ref node->Head.ChildCount);
        Vector128<byte> labels = Vector128.Load(node->Labels);
        Vector128<byte> candidates = Vector128.GreaterThanOrEqual(labels, Vector128.Create(label)) & LanesBelow(count);
        if (candidates == Vector128<byte>.Zero)
        {
            child = 0;
            return -1;
        }

        Vector128<byte> least = labels | ~candidates;
        Vector128<byte> halvesSwapped = Vector128.Create((byte)8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
        least = Vector128.Min(least, Vector128.Shuffle(least, halvesSwapped));
        least = Vector128.Min(least, Vector128.Shuffle(least, Vector128.Create((byte)4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3)));
        least = Vector128.Min(least, Vector128.Shuffle(least, Vector128.Create((byte)2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1)));
        byte found = Math.Min(least.GetElement(0), least.GetElement(1));
        child = ChildIn16(node, labels, candidates, found);
        return found;
    }

    private static int LastIn16(Node16* node, byte label, out uint child)
    {
        int count = Volatile.Read(ref node->Head.ChildCount);
        Vector128<byte> labels = Vector128.Load(node->Labels);
        Vector128<byte> candidates = Vector128.LessThanOrEqual(labels, Vector128.Create(label)) & LanesBelow(count);
        if (candidates == Vector128<byte>.Zero)
        {
            child = 0;
            return -1;
        }

        Vector128<byte> most = labels & candidates;
        most = Vector128.Max(most, Vector128.Shuffle(most, Vector128.Create((byte)8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)));
        most = Vector128.Max(most, Vector128.Shuffle(most, Vector128.Create((byte)4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3)));
        most = Vector128.Max(most, Vector128.Shuffle(most, Vector128.Create((byte)2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1)));
        byte found = Math.Max(most.GetElement(0), most.GetElement(1));
        child = ChildIn16(node, labels, candidates, found);
        return found;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> LanesBelow(int count) => Vector128.LessThan(Vector128<byte>.Indices, Vector128.Create((byte)count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint ChildIn16(Node16* node, Vector128<byte> labels, Vector128<byte> candidates, byte label)
    {
        uint places = (Vector128.Equals(labels, Vector128.Create(label)) & candidates).ExtractMostSignificantBits();
        return Volatile.Read(ref node->Children[BitOperations.TrailingZeroCount(places)]);
    }

    private static int FirstIn48(Node48* node, int label)
    {
        for (int block = label & -Vector256<byte>.Count; block <= byte.MaxValue; block += Vector256<byte>.Count)
        {
            uint present = ~Vector256.Equals(Vector256.Load(node->Slots + block), Vector256<byte>.Zero).ExtractMostSignificantBits();
            if (block < label) present &= uint.MaxValue << (label - block);
            if (present != 0) return block + BitOperations.TrailingZeroCount(present);
        }

        return -1;
    }

    private static int LastIn48(Node48* node, int label)
    {
        for (int block = label & -Vector256<byte>.Count; block >= 0; block -= Vector256<byte>.Count)
        {
            uint present = ~Vector256.Equals(Vector256.Load(node->Slots + block), Vector256<byte>.Zero).ExtractMostSignificantBits();
            int last = block + Vector256<byte>.Count - 1;
            if (last > label) present &= uint.MaxValue >> (last - label);
            if (present != 0) return block + BitOperations.Log2(present);
        }

        return -1;
    }

    /// <summary>The slot number was seen as not zero before, so it is not zero now.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint ChildIn48(Node48* node, int label) =>
        Volatile.Read(ref node->Children[Volatile.Read(ref node->Slots[label]) - 1]);

    private static int FirstIn256(Node256* node, int label)
    {
        for (int block = label & -Vector256<uint>.Count; block <= byte.MaxValue; block += Vector256<uint>.Count)
        {
            uint present = ~Vector256.Equals(Vector256.Load(node->Children + block), Vector256<uint>.Zero).ExtractMostSignificantBits();
            present &= byte.MaxValue;
            if (block < label) present &= uint.MaxValue << (label - block);
            if (present != 0) return block + BitOperations.TrailingZeroCount(present);
        }

        return -1;
    }

    private static int LastIn256(Node256* node, int label)
    {
        for (int block = label & -Vector256<uint>.Count; block >= 0; block -= Vector256<uint>.Count)
        {
            uint present = ~Vector256.Equals(Vector256.Load(node->Children + block), Vector256<uint>.Zero).ExtractMostSignificantBits();
            present &= (uint)byte.MaxValue >> Math.Max(0, block + Vector256<uint>.Count - 1 - label);
            if (present != 0) return block + BitOperations.Log2(present);
        }

        return -1;
    }
}
