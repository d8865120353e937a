using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Varve.Diagnostics;

namespace Varve.Memory;

/// <summary>
/// Adaptive radix tree from keys to the newest record of each. One writer; readers take no lock, never retry and never wait: every
/// change becomes visible by one release store of a reference or a count (see <see cref="RadixNode"/>).
/// </summary>
/// <remarks>
/// A key's record hangs at the first node where no other key goes the same way, so readers compare the whole key once they have a
/// record. A prefix longer than a node holds is a chain of nodes with one child each. Tried before: a skip list (a twentieth of the
/// speed), a B+tree with optimistic locks (a quarter; the choice if several writers must insert).
/// </remarks>
internal sealed unsafe partial class RadixTree(MemArena arena)
{
    /// <summary>Bytes of a key that one node of a chain takes: a full prefix and the label of its only child.</summary>
    public const int ChainedBytesPerNode = RadixNode.PrefixBytesMax + 1;

    private readonly MemArena _arena = arena;
    private readonly uint* _root = arena.RootSlot;

    /// <summary>Nodes and records that the last insert came to on its way.</summary>
    private int _lastSteps;

    public MemArena Arena => _arena;

    /// <summary>The root's reference; 0 while the tree is empty.</summary>
    public uint Root => Volatile.Read(ref *_root);

    /// <summary>The newest record of the key; null when the tree does not have the key.</summary>
    public MemRecord* Find(ReadOnlySpan<byte> key)
    {
        fixed (byte* keyBytes = key)
        {
            uint reference = Volatile.Read(ref *_root);
            int depth = 0;
            while (!MemArena.IsRecord(reference))
            {
                if (reference == 0) return null;
                RadixNode* node = _arena.Node(reference);
                // The prefix is not compared on the way down: the record's key settles it.
                depth += node->PrefixLength;
                if (depth >= key.Length)
                {
                    if (depth > key.Length) return null;
                    reference = Volatile.Read(ref node->Terminal);
                    if (reference == 0) return null;
                    break;
                }

                // SAFETY: depth < key.Length was checked above.
                uint* slot = RadixNode.FindChild(node, keyBytes[depth]);
                if (slot == null) return null;
                reference = Volatile.Read(ref *slot);
                depth++;
            }

            MemRecord* record = _arena.Record(reference);
            return MemRecord.KeySpan(record).SequenceEqual(key) ? record : null;
        }
    }

    /// <summary>
    /// Walks towards the key's place, as far as the last insert came but for its last step, and asks the processor for what that reads:
    /// what lies above is shared by many keys, and near. An insert may begin there as long as no other comes before it.
    /// </summary>
    public RadixPlace Approach(ReadOnlySpan<byte> key)
    {
        fixed (byte* keyBytes = key)
        {
            RadixPlace place = Top;
            while (place.Steps < _lastSteps && TryStep(ref place, keyBytes, key.Length))
            {
            }

            if (Sse.IsSupported) Prefetch(place, key);
            return place;
        }
    }

    /// <summary>Where every key's way begins.</summary>
    public RadixPlace Top => new() { Slot = _root, Steps = 1 };

    /// <summary>Adds the record, which is complete but for <see cref="MemRecord.Older"/> and <see cref="MemRecord.ChainLength"/>.</summary>
    /// <param name="inserted">The record.</param>
    /// <param name="place">Where to begin: <see cref="Top"/>, or what <see cref="Approach"/> gave since the last insert.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Insert(uint inserted, RadixPlace place)
    {
        MemRecord* record = _arena.Record(inserted);
        byte* key = MemRecord.Key(record);
        int keyLength = record->KeyLength;
        record->Older = 0;
        record->ChainLength = 1;
        while (TryStep(ref place, key, keyLength))
        {
        }

        _lastSteps = place.Steps;
        uint* slot = place.Slot;
        uint reference = *slot;
        if (reference == 0) Volatile.Write(ref *slot, inserted);
        else if (MemArena.IsRecord(reference)) MeetRecord(slot, place.Depth, inserted);
        else InsertAt(_arena.Node(reference), place, inserted);
    }

    /// <summary>One node on towards the key; false where its place is there: behind nothing, behind a record, or in the node.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryStep(ref RadixPlace place, byte* key, int keyLength)
    {
        uint reference = *place.Slot;
        if (reference == 0 || MemArena.IsRecord(reference)) return false;
        RadixNode* node = _arena.Node(reference);
        int depth = place.Depth + RadixNode.MatchPrefix(node, key + place.Depth, keyLength - place.Depth);
        if (depth - place.Depth < node->PrefixLength || depth == keyLength) return false;

        // SAFETY: depth < keyLength, since what matches is at most what is left of the key.
        uint* child = RadixNode.FindChild(node, key[depth]);
        if (child == null) return false;
        place = new RadixPlace { Slot = child, Depth = depth + 1, Steps = place.Steps + 1 };
        return true;
    }

    /// <summary>The key leaves the node's prefix, ends at the node, or is the first to go on from it with its next byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void InsertAt(RadixNode* node, RadixPlace place, uint inserted)
    {
        MemRecord* record = _arena.Record(inserted);
        byte* key = MemRecord.Key(record);
        int matched = RadixNode.MatchPrefix(node, key + place.Depth, record->KeyLength - place.Depth);
        int depth = place.Depth + matched;
        if (matched < node->PrefixLength) SplitPrefix(place.Slot, place.Depth, matched, inserted);
        else if (depth < record->KeyLength) AddChild(place.Slot, key[depth], inserted);
        else if (node->Terminal == 0) Volatile.Write(ref node->Terminal, inserted);
        else MeetRecord(&node->Terminal, depth, inserted);
    }

    /// <summary>
    /// Asks for what stands at the place: a record's head and key, or a node's head and the child's slot in the large kinds.
    /// </summary>
    private void Prefetch(RadixPlace place, ReadOnlySpan<byte> key)
    {
        uint reference = *place.Slot;
        if (reference == 0) return;
        byte* start = MemArena.IsRecord(reference) ? (byte*)_arena.Record(reference) : (byte*)_arena.Node(reference);
        Sse.Prefetch0(start);
        if (place.Depth >= key.Length || MemArena.IsRecord(reference)) return;
        Sse.Prefetch0(start + sizeof(RadixNode) + key[place.Depth]);
        Sse.Prefetch0(start + sizeof(RadixNode) + (key[place.Depth] * sizeof(uint)));
    }

    /// <summary>The slot holds a record: of the same key, then the new one goes before it; of another, then a node parts them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MeetRecord(uint* slot, int depth, uint inserted)
    {
        uint met = *slot;
        MemRecord* record = _arena.Record(inserted);
        MemRecord* other = _arena.Record(met);
        ReadOnlySpan<byte> key = MemRecord.KeySpan(record);
        ReadOnlySpan<byte> otherKey = MemRecord.KeySpan(other);
        int common = depth + key[depth..].CommonPrefixLength(otherKey[depth..]);
        if (common == key.Length && common == otherKey.Length)
        {
            Invariant.Holds(record->Trailer > other->Trailer);
            record->Older = met;
            record->ChainLength = (ushort)Math.Min(other->ChainLength + 1, ushort.MaxValue);
            Volatile.Write(ref *slot, inserted);
            return;
        }

        // The chain is built unseen and published by its first node.
        uint first = 0;
        uint* link = &first;
        while (common - depth > RadixNode.PrefixBytesMax)
        {
            uint chained = NewNode(key.Slice(depth, RadixNode.PrefixBytesMax), out RadixNode* chainedNode);
            depth += ChainedBytesPerNode;
            RadixNode.AddChild(chainedNode, key[depth - 1], 0);
            *link = chained;
            link = RadixNode.FindChild(chainedNode, key[depth - 1]);
        }

        *link = NewNode(key[depth..common], out RadixNode* node);
        Attach(node, key, common, inserted);
        Attach(node, otherKey, common, met);
        Volatile.Write(ref *slot, first);
    }

    /// <summary>
    /// The key leaves the node's prefix: a new node takes the common part, and a copy of the old one with the rest below it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void SplitPrefix(uint* slot, int depth, int matched, uint inserted)
    {
        RadixNode* node = _arena.Node(*slot);
        var prefix = new ReadOnlySpan<byte>(node->Prefix, node->PrefixLength);
        int nodeBytes = RadixNode.SizeBytes(node->Kind);
        uint copy = _arena.TakeNode(nodeBytes);
        RadixNode* copyNode = _arena.Node(copy);
        Unsafe.CopyBlock(copyNode, node, (uint)nodeBytes);
        ReadOnlySpan<byte> rest = prefix[(matched + 1)..];
        rest.CopyTo(new Span<byte>(copyNode->Prefix, RadixNode.PrefixBytesMax));
        copyNode->PrefixLength = (byte)rest.Length;

        uint parent = NewNode(prefix[..matched], out RadixNode* parentNode);
        RadixNode.AddChild(parentNode, prefix[matched], copy);
        Attach(parentNode, MemRecord.KeySpan(_arena.Record(inserted)), depth + matched, inserted);
        Volatile.Write(ref *slot, parent);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddChild(uint* slot, byte label, uint child)
    {
        RadixNode* node = _arena.Node(*slot);
        if (RadixNode.HasRoom(node))
        {
            RadixNode.AddChild(node, label, child);
            return;
        }

        uint larger = _arena.TakeNode(RadixNode.SizeBytes(node->Kind + 1));
        RadixNode* largerNode = _arena.Node(larger);
        RadixNode.CopyToLarger(node, largerNode);
        RadixNode.AddChild(largerNode, label, child);
        Volatile.Write(ref *slot, larger);
    }

    /// <summary>Hangs a record under an unpublished node at which <paramref name="depth"/> bytes of its key are used up.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Attach(RadixNode* node, ReadOnlySpan<byte> key, int depth, uint record)
    {
        if (depth == key.Length) node->Terminal = record;
        else RadixNode.AddChild(node, key[depth], record);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private uint NewNode(ReadOnlySpan<byte> prefix, out RadixNode* node)
    {
        uint reference = _arena.TakeNode(RadixNode.SizeBytes(RadixNodeKind.Node4));
        node = _arena.Node(reference);
        prefix.CopyTo(new Span<byte>(node->Prefix, RadixNode.PrefixBytesMax));
        node->PrefixLength = (byte)prefix.Length;
        return reference;
    }
}
