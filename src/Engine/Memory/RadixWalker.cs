using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Varve.Entries;

namespace Varve.Memory;

/// <summary>
/// A position in a <see cref="RadixTree"/>, moving from key to key in both directions beside the writer. Shows every key that was
/// there when the walk began; later ones it may show or not.
/// </summary>
/// <remarks>
/// A step remembers a node and the label last visited there, not a place among the children, so children that are added meanwhile
/// change nothing. The way down has no fixed bound: it can be as long as a key, and grows on demand.
/// </remarks>
internal unsafe struct RadixWalker(RadixTree tree)
{
    private const int StepsAtFirst = 16;

    // Labels of a step besides those of children. The terminal orders before all children.
    private const int BeforeTerminal = -2;
    private const int AtTerminal = -1;
    private const int BehindChildren = byte.MaxValue + 1;

    /// <summary>How many children ahead of the one in turn are fetched in a full node; about what a memory access takes.</summary>
    private const int PrefetchDistance = 6;

    private readonly RadixTree _tree = tree;
    private readonly MemArena _arena = tree.Arena;
    private Step[] _steps = new Step[StepsAtFirst];
    private int _stepCount;

    /// <summary>The newest record of the first key; null when there is none.</summary>
    public MemRecord* First()
    {
        _stepCount = 0;
        return EnterFirst(_tree.Root);
    }

    /// <summary>The newest record of the last key; null when there is none.</summary>
    public MemRecord* Last()
    {
        _stepCount = 0;
        return EnterLast(_tree.Root);
    }

    public MemRecord* Next()
    {
        while (_stepCount > 0)
        {
            ref Step step = ref _steps[_stepCount - 1];
            RadixNode* node = _arena.Node(step.Node);
            uint child;
            if (step.Label == BeforeTerminal)
            {
                step.Label = AtTerminal;
                child = Volatile.Read(ref node->Terminal);
                if (child != 0) return _arena.Record(child);
            }

            int label = RadixNode.FindChildFrom(node, step.Label + 1, out child);
            if (label < 0)
            {
                _stepCount--;
                continue;
            }

            step.Label = label;
            if (MemArena.IsRecord(child))
            {
                if (node->Kind == RadixNodeKind.Node256) PrefetchAhead(node, label + PrefetchDistance);
                return _arena.Record(child);
            }

            Enter(child, BeforeTerminal);
        }

        return null;
    }

    public MemRecord* Previous()
    {
        while (_stepCount > 0)
        {
            ref Step step = ref _steps[_stepCount - 1];
            if (step.Label < 0)
            {
                _stepCount--;
                continue;
            }

            RadixNode* node = _arena.Node(step.Node);
            int label = RadixNode.FindChildUpTo(node, step.Label - 1, out uint child);
            if (label < 0)
            {
                // The step stays, so that Next goes on with the children.
                step.Label = AtTerminal;
                child = Volatile.Read(ref node->Terminal);
                if (child != 0) return _arena.Record(child);
                continue;
            }

            step.Label = label;
            if (MemArena.IsRecord(child))
            {
                if (node->Kind == RadixNodeKind.Node256) PrefetchAhead(node, label - PrefetchDistance);
                return _arena.Record(child);
            }

            Enter(child, BehindChildren);
        }

        return null;
    }

    /// <summary>The newest record of the first key at or behind the given one; null when there is none.</summary>
    public MemRecord* Seek(ReadOnlySpan<byte> key)
    {
        fixed (byte* keyBytes = key)
        {
            uint reference = Descend(keyBytes, key.Length, out int depth, out int order);
            if (order > 0) return Next();
            if (MemArena.IsRecord(reference))
            {
                MemRecord* record = _arena.Record(reference);
                return CompareFrom(record, keyBytes, key.Length, depth) >= 0 ? record : Next();
            }

            return EnterFirst(reference);
        }
    }

    /// <summary>The newest record of the last key at or before the given one; null when there is none.</summary>
    public MemRecord* SeekForPrevious(ReadOnlySpan<byte> key)
    {
        fixed (byte* keyBytes = key)
        {
            uint reference = Descend(keyBytes, key.Length, out int depth, out int order);
            if (order < 0) return Previous();
            if (MemArena.IsRecord(reference))
            {
                MemRecord* record = _arena.Record(reference);
                return CompareFrom(record, keyBytes, key.Length, depth) <= 0 ? record : Previous();
            }

            return EnterLast(reference);
        }
    }

    /// <summary>
    /// Goes along with the key as far as the tree does, which leaves the way in the steps. Gives what is there: with order 0 a
    /// record whose key shares at least <paramref name="depth"/> bytes with the key, or 0 for nothing; else a subtree that lies
    /// behind the key as a whole (order -1) or before it (order 1).
    /// </summary>
    private uint Descend(byte* key, int keyLength, out int depth, out int order)
    {
        _stepCount = 0;
        depth = 0;
        order = 0;
        uint reference = _tree.Root;
        while (reference != 0 && !MemArena.IsRecord(reference))
        {
            RadixNode* node = _arena.Node(reference);
            int matched = RadixNode.MatchPrefix(node, key + depth, keyLength - depth);
            if (matched < node->PrefixLength)
            {
                order = depth + matched == keyLength || node->Prefix[matched] > key[depth + matched] ? -1 : 1;
                return reference;
            }

            depth += matched;
            if (depth == keyLength)
            {
                uint terminal = Volatile.Read(ref node->Terminal);
                if (terminal == 0)
                {
                    order = -1;
                    return reference;
                }

                Push(reference, AtTerminal);
                return terminal;
            }

            // SAFETY: depth < keyLength, since matched is at most what is left of the key.
            Push(reference, key[depth]);
            uint* slot = RadixNode.FindChild(node, key[depth]);
            reference = slot == null ? 0 : Volatile.Read(ref *slot);
            depth++;
        }

        return reference;
    }

    /// <summary>The record's key against the given one; their first <paramref name="depth"/> bytes are known to be equal.</summary>
    private static int CompareFrom(MemRecord* record, byte* key, int keyLength, int depth) =>
        EntryOrder.CompareKeys(MemRecord.Key(record) + depth, record->KeyLength - depth, key + depth, keyLength - depth);

    private MemRecord* EnterFirst(uint reference)
    {
        if (MemArena.IsRecord(reference)) return _arena.Record(reference);
        if (reference != 0) Enter(reference, BeforeTerminal);
        return Next();
    }

    private MemRecord* EnterLast(uint reference)
    {
        if (MemArena.IsRecord(reference)) return _arena.Record(reference);
        if (reference != 0) Enter(reference, BehindChildren);
        return Previous();
    }

    private void Enter(uint node, int label)
    {
        PrefetchChildren(_arena.Node(node));
        Push(node, label);
    }

    private void Push(uint node, int label)
    {
        if (_stepCount == _steps.Length) Array.Resize(ref _steps, 2 * _steps.Length);
        ref Step step = ref _steps[_stepCount++];
        step.Node = node;
        step.Label = label;
    }

    /// <summary>A scan visits all children of a small node soon: their cache misses overlap instead of queueing.</summary>
    private readonly void PrefetchChildren(RadixNode* node)
    {
        if (!Sse.IsSupported || node->Kind > RadixNodeKind.Node16) return;
        uint* children = node->Kind == RadixNodeKind.Node4 ? ((RadixNode.Node4*)node)->Children : ((RadixNode.Node16*)node)->Children;
        int count = Volatile.Read(ref node->ChildCount);
        for (int i = 0; i < count; i++) Sse.Prefetch0(_arena.Record(children[i]));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void PrefetchAhead(RadixNode* node, int label)
    {
        if (Sse.IsSupported && label is >= 0 and <= byte.MaxValue)
        {
            Sse.Prefetch0(_arena.Record(((RadixNode.Node256*)node)->Children[label]));
        }
    }

    private struct Step
    {
        public uint Node;
        public int Label;
    }
}
