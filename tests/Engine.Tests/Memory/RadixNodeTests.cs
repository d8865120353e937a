using System.Runtime.InteropServices;
using Varve.Memory;

namespace Varve.Tests.Memory;

public sealed unsafe class RadixNodeTests
{
    [Theory]
    [InlineData(RadixNodeKind.Node4, 4)]
    [InlineData(RadixNodeKind.Node16, 16)]
    [InlineData(RadixNodeKind.Node48, 48)]
    [InlineData(RadixNodeKind.Node256, 256)]
    internal void Every_search_answers_as_a_sorted_set(RadixNodeKind kind, int childCountMax)
    {
        for (int seed = 1; seed <= 40; seed++)
        {
            var random = new Random(seed);
            var labels = new SortedSet<int>();
            var node = (RadixNode*)NativeMemory.AllocZeroed((nuint)RadixNode.SizeBytes(kind));
            // What stands behind the count must not be taken for a label.
            if (kind == RadixNodeKind.Node16) new Span<byte>(((RadixNode.Node16*)node)->Labels, 16).Fill((byte)random.Next(256));
            node->Kind = kind;
            int childCount = random.Next(childCountMax + 1);
            while (labels.Count < childCount)
            {
                int label = random.Next(8) switch { 0 => 0, 1 => 255, _ => random.Next(256) };
                if (labels.Add(label)) RadixNode.AddChild(node, (byte)label, Child(label));
            }

            Check(node, labels, $"{kind}, seed {seed}");
            NativeMemory.Free(node);
        }
    }

    [Fact]
    public void A_larger_copy_has_the_same_children_prefix_and_terminal()
    {
        foreach (RadixNodeKind kind in (RadixNodeKind[])[RadixNodeKind.Node4, RadixNodeKind.Node16, RadixNodeKind.Node48])
        {
            var random = new Random(3);
            var labels = new SortedSet<int>();
            var node = (RadixNode*)NativeMemory.AllocZeroed((nuint)RadixNode.SizeBytes(kind));
            var larger = (RadixNode*)NativeMemory.AllocZeroed((nuint)RadixNode.SizeBytes(kind + 1));
            node->Kind = kind;
            node->Terminal = 77;
            node->PrefixLength = 3;
            "abc"u8.CopyTo(new Span<byte>(node->Prefix, 3));
            while (RadixNode.HasRoom(node))
            {
                int label = random.Next(256);
                if (labels.Add(label)) RadixNode.AddChild(node, (byte)label, Child(label));
            }

            RadixNode.CopyToLarger(node, larger);
            Assert.Equal(kind + 1, larger->Kind);
            Assert.Equal(77u, larger->Terminal);
            Assert.True(new ReadOnlySpan<byte>(larger->Prefix, larger->PrefixLength).SequenceEqual("abc"u8));
            Assert.True(RadixNode.HasRoom(larger));
            Check(larger, labels, $"{kind}");
            NativeMemory.Free(node);
            NativeMemory.Free(larger);
        }
    }

    private static uint Child(int label) => 1_000u + (uint)label;

    private static void Check(RadixNode* node, SortedSet<int> labels, string where)
    {
        for (int label = -1; label <= 256; label++)
        {
            int first = labels.Where(candidate => candidate >= label).DefaultIfEmpty(-1).First();
            int last = labels.Where(candidate => candidate <= label).DefaultIfEmpty(-1).Last();
            if (label >= 0)
            {
                Assert.True(first == RadixNode.FindChildFrom(node, label, out uint child), $"{where}, from {label}");
                Assert.True(child == (first < 0 ? 0 : Child(first)), $"{where}, child from {label}");
            }

            if (label > 255) continue;
            Assert.True(last == RadixNode.FindChildUpTo(node, label, out uint lastChild), $"{where}, up to {label}");
            Assert.True(lastChild == (last < 0 ? 0 : Child(last)), $"{where}, child up to {label}");
            if (label < 0) continue;
            uint* slot = RadixNode.FindChild(node, (byte)label);
            Assert.True(labels.Contains(label) == (slot != null), $"{where}, child {label}");
            if (slot != null) Assert.Equal(Child(label), *slot);
        }
    }
}
