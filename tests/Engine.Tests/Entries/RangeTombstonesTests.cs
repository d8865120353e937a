using Varve.Entries;

namespace Varve.Tests.Entries;

public sealed class RangeTombstonesTests
{
    private const int KeyCount = 40;

    [Fact]
    public void Every_key_at_every_sequence_is_covered_by_the_newest_delete_that_is_seen()
    {
        for (int seed = 1; seed <= 300; seed++)
        {
            var random = new Random(seed);
            List<RangeTombstone> tombstones = Draw(random);
            RangeTombstones ranges = RangeTombstones.Build(tombstones, default);
            CheckShape(ranges, seed);
            for (int key = 0; key <= KeyCount; key++)
            {
                for (ulong sequence = 0; sequence < 60; sequence++)
                    Assert.True(Newest(tombstones, key, sequence) == ranges.NewestCovering([(byte)key], sequence), $"seed {seed}");
            }
        }
    }

    [Fact]
    public void Thinned_for_readers_each_of_them_reads_the_same()
    {
        for (int seed = 1; seed <= 300; seed++)
        {
            var random = new Random(seed);
            List<RangeTombstone> tombstones = Draw(random);
            ulong[] readable = [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => (ulong)random.Next(60)).Distinct().Order()];
            RangeTombstones ranges = RangeTombstones.Build(tombstones, readable);
            CheckShape(ranges, seed);
            for (int key = 0; key <= KeyCount; key++)
            {
                foreach (ulong sequence in readable.Concat(Enumerable.Range((int)readable[^1], 20).Select(later => (ulong)later)))
                    Assert.True(Newest(tombstones, key, sequence) == ranges.NewestCovering([(byte)key], sequence), $"seed {seed}");
            }

            foreach (RangeFragment fragment in ranges.Fragments)
            {
                var stripes = new HashSet<int>();
                foreach (ulong sequence in fragment.Sequences)
                {
                    int stripe = Array.FindIndex(readable, reader => reader >= sequence);
                    Assert.True(stripe < 0 || stripes.Add(stripe), $"seed {seed}: two deletes of which nobody can tell one from the other");
                }
            }
        }
    }

    [Fact]
    public void What_was_cut_and_put_together_again_is_the_same()
    {
        for (int seed = 1; seed <= 100; seed++)
        {
            var random = new Random(seed);
            RangeTombstones whole = RangeTombstones.Build(Draw(random), default);
            byte[] border = [(byte)random.Next(KeyCount + 1)];
            RangeTombstones left = whole.Clip(null, border);
            RangeTombstones right = whole.Clip(border, null);
            var pieces = new List<RangeTombstone>();
            right.CopyTo(pieces);
            left.CopyTo(pieces);
            RangeTombstones joined = RangeTombstones.Build(pieces, default);
            Assert.Equal(Show(whole), Show(joined));
            for (int key = 0; key <= KeyCount; key++)
            {
                ulong inLeft = left.NewestCovering([(byte)key], 100);
                ulong inRight = right.NewestCovering([(byte)key], 100);
                Assert.True(inLeft == 0 || key < border[0], $"seed {seed}");
                Assert.True(inRight == 0 || key >= border[0], $"seed {seed}");
                Assert.Equal(whole.NewestCovering([(byte)key], 100), Math.Max(inLeft, inRight));
            }
        }
    }

    [Fact]
    public void One_delete_after_the_other_gives_the_list_of_all_together()
    {
        for (int seed = 1; seed <= 300; seed++)
        {
            RangeTombstones grown = RangeTombstones.Empty;
            var all = new List<RangeTombstone>();
            foreach (RangeTombstone drawn in Draw(new Random(seed)))
            {
                RangeTombstone newest = drawn with { Sequence = (ulong)all.Count + 1 };
                all.Add(newest);
                RangeTombstones before = grown;
                string shown = Show(before);
                grown = grown.With(newest);
                Assert.Equal(Show(RangeTombstones.Build(all, default)), Show(grown));
                Assert.Equal(shown, Show(before));
            }
        }
    }

    [Fact]
    public void The_same_delete_in_overlapping_pieces_counts_once()
    {
        RangeTombstones ranges = RangeTombstones.Build([new([1], [5], 7), new([3], [9], 7), new([9], [12], 7)], default);
        Assert.Equal("01-0C 7", Show(ranges));
        Assert.Equal(1, ranges.Count);
    }

    [Fact]
    public void Nothing_covers_nothing()
    {
        Assert.True(RangeTombstones.Build([], default).IsEmpty);
        Assert.Equal(0UL, RangeTombstones.Empty.NewestCovering([1], 100));
        Assert.True(RangeTombstones.Empty.Clip([1], [2]).IsEmpty);
    }

    private static List<RangeTombstone> Draw(Random random)
    {
        var tombstones = new List<RangeTombstone>();
        for (int i = random.Next(1, 12); i > 0; i--)
        {
            int start = random.Next(KeyCount);
            int end = random.Next(start + 1, KeyCount + 1);
            tombstones.Add(new RangeTombstone([(byte)start], [(byte)end], (ulong)random.Next(1, 50)));
        }

        return tombstones;
    }

    private static ulong Newest(List<RangeTombstone> tombstones, int key, ulong sequence) => tombstones
        .Where(range => range.Start[0] <= key && key < range.End[0] && range.Sequence <= sequence)
        .Select(range => range.Sequence).DefaultIfEmpty().Max();

    private static void CheckShape(RangeTombstones ranges, int seed)
    {
        byte[] end = [];
        ulong[] sequences = [];
        foreach (RangeFragment fragment in ranges.Fragments)
        {
            int order = end.AsSpan().SequenceCompareTo(fragment.Start);
            Assert.True(order <= 0 && fragment.Start.AsSpan().SequenceCompareTo(fragment.End) < 0, $"seed {seed}: out of order");
            Assert.True(order < 0 || !sequences.SequenceEqual(fragment.Sequences), $"seed {seed}: neighbours that are one");
            Assert.True(fragment.Sequences.Length > 0 && fragment.Sequences.SequenceEqual(fragment.Sequences.OrderDescending().Distinct()));
            (end, sequences) = (fragment.End, fragment.Sequences);
        }
    }

    private static string Show(RangeTombstones ranges) => string.Join(", ", ranges.Fragments.ToArray().Select(fragment =>
        $"{Convert.ToHexString(fragment.Start)}-{Convert.ToHexString(fragment.End)} {string.Join('/', fragment.Sequences)}"));
}
