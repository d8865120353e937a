namespace Varve.Memory;

// Where a key would stand among the others, by the shape of the tree alone.
internal sealed unsafe partial class RadixTree
{
    /// <summary>About the share of the keys, 0 to 1, before the key.</summary>
    public double EstimateShareBefore(ReadOnlySpan<byte> key)
    {
        double before = 0;
        double width = 1;
        int depth = 0;
        uint reference = Volatile.Read(ref *_root);
        while (reference != 0)
        {
            if (MemArena.IsRecord(reference))
                return MemRecord.KeySpan(_arena.Record(reference)).SequenceCompareTo(key) < 0 ? before + width : before;
            RadixNode* node = _arena.Node(reference);
            var prefix = new ReadOnlySpan<byte>(node->Prefix, node->PrefixLength);
            ReadOnlySpan<byte> rest = key[depth..];
            if (!rest.StartsWith(prefix)) return prefix.SequenceCompareTo(rest) < 0 ? before + width : before;
            depth += prefix.Length;
            if (depth == key.Length) return before;
            int below = Volatile.Read(ref node->Terminal) == 0 ? 0 : 1;
            reference = CountBelow(node, key[depth], ref below, out int count);
            if (count == 0) return before;
            before += width * below / count;
            width /= count;
            depth++;
        }

        return before;
    }

    /// <summary>Adds the children below the label to <paramref name="below"/>; returns the one with the label, or 0.</summary>
    /// <param name="node">The node.</param>
    /// <param name="wanted">The label.</param>
    /// <param name="below">In: 1 when a key ends at the node.</param>
    /// <param name="count">What <paramref name="below"/> was, and all children.</param>
    private static uint CountBelow(RadixNode* node, byte wanted, ref int below, out int count)
    {
        count = below;
        uint found = 0;
        for (int label = RadixNode.FindChildFrom(node, 0, out uint child); label >= 0;
             label = RadixNode.FindChildFrom(node, label + 1, out child))
        {
            count++;
            if (label < wanted) below++;
            else if (label == wanted) found = child;
        }

        return found;
    }
}
