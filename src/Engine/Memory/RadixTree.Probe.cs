using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Varve.Memory;

// The descent of Find in steps, so that several of them wait for memory at the same time.
internal sealed unsafe partial class RadixTree
{
    private const int CacheLineBytes = 64;

    /// <summary>False when the tree is empty.</summary>
    public bool BeginProbe(ReadOnlySpan<byte> key, out MemProbe probe)
    {
        probe = new MemProbe { Reference = Volatile.Read(ref *_root) };
        if (probe.Reference == 0) return false;
        Prefetch(key, probe);
        return true;
    }

    /// <summary>One node further. True once the descent has ended: with the key's newest record, or with null.</summary>
    public bool StepProbe(ReadOnlySpan<byte> key, ref MemProbe probe, out MemRecord* record)
    {
        record = null;
        uint reference = probe.Reference;
        if (MemArena.IsRecord(reference))
        {
            record = _arena.Record(reference);
            if (!MemRecord.KeySpan(record).SequenceEqual(key)) record = null;
            return true;
        }

        RadixNode* node = _arena.Node(reference);
        int depth = probe.Depth + node->PrefixLength;
        if (depth >= key.Length)
        {
            probe.Reference = depth > key.Length ? 0 : Volatile.Read(ref node->Terminal);
        }
        else
        {
            uint* slot = RadixNode.FindChild(node, key[depth]);
            probe.Reference = slot == null ? 0 : Volatile.Read(ref *slot);
            probe.Depth = depth + 1;
        }

        if (probe.Reference == 0) return true;
        Prefetch(key, probe);
        return false;
    }

    /// <summary>What the next step reads: the head, and the child's slot where it would be in the largest kind of node.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Prefetch(ReadOnlySpan<byte> key, in MemProbe probe)
    {
        if (!Sse.IsSupported) return;
        byte* start = MemArena.IsRecord(probe.Reference) ? (byte*)_arena.Record(probe.Reference) : (byte*)_arena.Node(probe.Reference);
        Sse.Prefetch0(start);
        Sse.Prefetch0(start + CacheLineBytes);
        if (probe.Depth < key.Length) Sse.Prefetch0(start + sizeof(RadixNode) + key[probe.Depth] * sizeof(uint));
    }
}
