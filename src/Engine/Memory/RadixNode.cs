using System.Numerics;
using System.Runtime.CompilerServices;

namespace Varve.Memory;

/// <summary>How many children a node has room for.</summary>
internal enum RadixNodeKind : byte
{
    Node4,
    Node16,
    Node48,
    Node256,
}

/// <summary>
/// The head of an inner node of the radix tree. A node stands for the key bytes on the way to it and its prefix; each child
/// continues with its label, the terminal is the record of the key that ends here.
/// </summary>
/// <remarks>
/// One writer changes nodes while others read them, without locks or versions. Kind and prefix never change; a child is added by
/// storing it first and then what makes it found (the count, the slot number, the reference itself), with release; a slot is only
/// ever overwritten with a reference that leads to everything the old one led to. A node that is replaced stays as it was, so a
/// reader inside it still finds every record that was there when it came.
/// </remarks>
internal unsafe partial struct RadixNode
{
    public const int PrefixBytesMax = 16;

    public RadixNodeKind Kind;
    public byte PrefixLength;
    public ushort ChildCount;
    public uint Terminal;
    public fixed byte Prefix[PrefixBytesMax];

    public static int SizeBytes(RadixNodeKind kind) => kind switch
    {
        RadixNodeKind.Node4 => sizeof(Node4),
        RadixNodeKind.Node16 => sizeof(Node16),
        RadixNodeKind.Node48 => sizeof(Node48),
        _ => sizeof(Node256),
    };

    /// <summary>How many bytes of the node's prefix the key goes along with.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int MatchPrefix(RadixNode* node, byte* key, int keyLength)
    {
        int length = Math.Min(node->PrefixLength, keyLength);
        int matched = 0;
        if (length > 0 && keyLength >= sizeof(ulong))
        {
            // SAFETY: the prefix has room for 16 bytes, the key has eight at least.
            ulong difference = *(ulong*)node->Prefix ^ *(ulong*)key;
            matched = Math.Min(length, BitOperations.TrailingZeroCount(difference) / 8);
            if (matched < sizeof(ulong)) return matched;
            if (keyLength >= 2 * sizeof(ulong))
            {
                // SAFETY: the key has sixteen.
                difference = *(ulong*)(node->Prefix + sizeof(ulong)) ^ *(ulong*)(key + sizeof(ulong));
                return Math.Min(length, sizeof(ulong) + (BitOperations.TrailingZeroCount(difference) / 8));
            }
        }

        while (matched < length && node->Prefix[matched] == key[matched]) matched++;
        return matched;
    }

    /// <summary>The slot of the child with the label; null when there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint* FindChild(RadixNode* node, byte label)
    {
        switch (node->Kind)
        {
            case RadixNodeKind.Node4:
                return FindIn4((Node4*)node, label);
            case RadixNodeKind.Node16:
                return FindIn16((Node16*)node, label);
            case RadixNodeKind.Node48:
                int slot = Volatile.Read(ref ((Node48*)node)->Slots[label]);
                return slot == 0 ? null : ((Node48*)node)->Children + (slot - 1);
            default:
                uint* child = ((Node256*)node)->Children + label;
                return Volatile.Read(ref *child) == 0 ? null : child;
        }
    }

    /// <summary>The child with the smallest label at or above the given one (0 to 256); its label, or -1 when there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int FindChildFrom(RadixNode* node, int label, out uint child)
    {
        child = 0;
        if (label > byte.MaxValue) return -1;
        int found;
        switch (node->Kind)
        {
            case RadixNodeKind.Node4:
                return FirstIn4((Node4*)node, label, out child);
            case RadixNodeKind.Node16:
                return FirstIn16((Node16*)node, (byte)label, out child);
            case RadixNodeKind.Node48:
                found = FirstIn48((Node48*)node, label);
                if (found >= 0) child = ChildIn48((Node48*)node, found);
                return found;
            default:
                found = FirstIn256((Node256*)node, label);
                if (found >= 0) child = Volatile.Read(ref ((Node256*)node)->Children[found]);
                return found;
        }
    }

    /// <summary>The child with the greatest label at or below the given one (-1 to 255); its label, or -1 when there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int FindChildUpTo(RadixNode* node, int label, out uint child)
    {
        child = 0;
        if (label < 0) return -1;
        int found;
        switch (node->Kind)
        {
            case RadixNodeKind.Node4:
                return LastIn4((Node4*)node, label, out child);
            case RadixNodeKind.Node16:
                return LastIn16((Node16*)node, (byte)label, out child);
            case RadixNodeKind.Node48:
                found = LastIn48((Node48*)node, label);
                if (found >= 0) child = ChildIn48((Node48*)node, found);
                return found;
            default:
                found = LastIn256((Node256*)node, label);
                if (found >= 0) child = Volatile.Read(ref ((Node256*)node)->Children[found]);
                return found;
        }
    }

    public static bool HasRoom(RadixNode* node) => node->Kind switch
    {
        RadixNodeKind.Node4 => node->ChildCount < Node4.ChildrenMax,
        RadixNodeKind.Node16 => node->ChildCount < Node16.ChildrenMax,
        RadixNodeKind.Node48 => node->ChildCount < Node48.ChildrenMax,
        _ => true,
    };

    /// <summary>Adds a child whose label the node does not have; the node has room. Readers find it once the last store is seen.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddChild(RadixNode* node, byte label, uint child)
    {
        int count = node->ChildCount;
        switch (node->Kind)
        {
            case RadixNodeKind.Node4:
                ((Node4*)node)->Labels[count] = label;
                ((Node4*)node)->Children[count] = child;
                break;
            case RadixNodeKind.Node16:
                ((Node16*)node)->Labels[count] = label;
                ((Node16*)node)->Children[count] = child;
                break;
            case RadixNodeKind.Node48:
                ((Node48*)node)->Children[count] = child;
                Volatile.Write(ref ((Node48*)node)->Slots[label], (byte)(count + 1));
                break;
            default:
                Volatile.Write(ref ((Node256*)node)->Children[label], child);
                break;
        }

        Volatile.Write(ref node->ChildCount, (ushort)(count + 1));
    }

    /// <summary>Fills the unpublished node of the next larger kind with what the full node holds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void CopyToLarger(RadixNode* node, RadixNode* larger)
    {
        larger->Kind = node->Kind + 1;
        larger->PrefixLength = node->PrefixLength;
        larger->Terminal = node->Terminal;
        Unsafe.CopyBlock(larger->Prefix, node->Prefix, PrefixBytesMax);
        for (int label = FindChildFrom(node, 0, out uint child); label >= 0; label = FindChildFrom(node, label + 1, out child))
        {
            AddChild(larger, (byte)label, child);
        }
    }
}
