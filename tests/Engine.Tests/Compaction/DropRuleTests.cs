using System.Globalization;
using Varve.Compaction;
using Varve.Entries;

namespace Varve.Tests.Compaction;

public class DropRuleTests
{
    // An entry is key, sequence, kind (= value, - tombstone); a verdict: keep, drop, or drop unless deeper (?).
    [Theory]
    [InlineData("100", "a9= a8= a7-", "a9=keep a8=drop a7-drop")]
    [InlineData("100", "a9- a8=", "a9-? a8=drop")]
    [InlineData("100", "a9- b8- b7=", "a9-? b8-? b7=drop")]
    [InlineData("8 100", "a9= a8= a7=", "a9=keep a8=keep a7=drop")]
    [InlineData("8 100", "a9- a8- a7=", "a9-keep a8-? a7=drop")]
    [InlineData("2 4 6", "a6= a5= a4- a3= a2- a1=", "a6=keep a5=drop a4-keep a3=drop a2-? a1=drop")]
    [InlineData("5", "a9= a8- a5= a4=", "a9=keep a8-keep a5=keep a4=drop")]
    [InlineData("5 5 5", "a5= a4=", "a5=keep a4=drop")]
    [InlineData("0", "a3- a2=", "a3-keep a2=keep")]
    public void Of_the_versions_one_snapshot_is_the_first_to_see_only_the_newest_stays(string snapshots, string entries, string expected)
    {
        var rule = new DropRule(Numbers(snapshots));
        char previous = '\0';
        var verdicts = new List<string>();
        foreach (string entry in entries.Split(' '))
        {
            EntryKind kind = entry[^1] == '=' ? EntryKind.Value : EntryKind.Tombstone;
            ulong sequence = ulong.Parse(entry[1..^1], CultureInfo.InvariantCulture);
            DropVerdict verdict = rule.Judge(entry[0] != previous, Trailer.Pack(sequence, kind));
            verdicts.Add(entry + verdict switch { DropVerdict.Keep => "keep", DropVerdict.Drop => "drop", _ => "?" });
            previous = entry[0];
        }

        Assert.Equal(expected, string.Join(' ', verdicts));
    }

    [Theory]
    [InlineData("100", "8", "a9=keep a7=drop a6-drop")]
    [InlineData("100", "10", "a9=drop a7=drop a6-drop")]
    [InlineData("100", "5", "a9=keep a7=drop a6-drop")]
    [InlineData("7 100", "8", "a9=keep a7=keep a6-drop")]
    [InlineData("8 100", "8", "a9=keep a7=drop a6-drop")]
    [InlineData("5 8 100", "10 8", "a9=drop a7=drop a6-drop")]
    [InlineData("6 7 100", "10", "a9=drop a7=keep a6-?")]
    [InlineData("8", "10", "a9=keep a7=keep a6-drop")]
    public void A_range_delete_takes_what_nobody_sees_without_it(string snapshots, string covering, string expected)
    {
        var rule = new DropRule(Numbers(snapshots));
        var verdicts = new List<string>();
        foreach (string entry in (string[])["a9=", "a7=", "a6-"])
        {
            EntryKind kind = entry[^1] == '=' ? EntryKind.Value : EntryKind.Tombstone;
            ulong sequence = ulong.Parse(entry[1..^1], CultureInfo.InvariantCulture);
            DropVerdict verdict = rule.Judge(entry == "a9=", Trailer.Pack(sequence, kind), Numbers(covering));
            verdicts.Add(entry + verdict switch { DropVerdict.Keep => "keep", DropVerdict.Drop => "drop", _ => "?" });
        }

        Assert.Equal(expected, string.Join(' ', verdicts));
    }

    [Fact]
    public void Snapshots_out_of_order_are_a_bug()
    {
        Assert.Throws<InvariantViolatedException>(() => new DropRule([5, 4]));
        Assert.Throws<InvariantViolatedException>(() => new DropRule([]));
    }

    [Fact]
    public void Every_snapshot_reads_the_same_before_and_after()
    {
        for (int seed = 1; seed <= 400; seed++)
        {
            var random = new Random(seed);
            var history = new History(random);
            history.Compact();
            foreach (ulong snapshot in history.ReadableSequences)
            {
                for (int key = 0; key < History.KeyCount; key++)
                {
                    ulong before = History.Read(key, snapshot, history.Inputs, history.Deeper);
                    ulong after = History.Read(key, snapshot, history.Outputs, history.Deeper);
                    if (before != after) Assert.Fail($"seed {seed}, key {key} at {snapshot}: version {before} became {after}");
                }
            }
        }
    }

    [Fact]
    public void What_nobody_can_read_is_gone()
    {
        for (int seed = 1; seed <= 100; seed++)
        {
            var history = new History(new Random(seed));
            history.Compact();
            for (int i = 0; i < history.Outputs.Count; i++)
            {
                // Without the entry somebody must read something else, or it is a tombstone that newer snapshots may still need.
                Version kept = history.Outputs[i];
                if (kept.IsTombstone && kept.Sequence > history.Snapshots[0]) continue;
                List<Version> without = [.. history.Outputs];
                without.RemoveAt(i);
                bool matters = kept.Sequence > history.Snapshots[^1] || history.ReadableSequences.Any(snapshot =>
                    History.Read(kept.Key, snapshot, history.Outputs, history.Deeper)
                        != History.Read(kept.Key, snapshot, without, history.Deeper));
                bool hides = kept.IsTombstone && history.Deeper.Any(version => version.Key == kept.Key);
                Assert.True(matters || hides, $"seed {seed}: {kept} is of no use");
            }
        }
    }

    private static ulong[] Numbers(string text) =>
        Array.ConvertAll(text.Split(' '), number => ulong.Parse(number, CultureInfo.InvariantCulture));

    private readonly record struct Version(int Key, ulong Sequence, bool IsTombstone);

    /// <summary>Some versions to compact, older ones of the same keys on a deeper level, and snapshots.</summary>
    private sealed class History
    {
        public const int KeyCount = 6;

        public History(Random random)
        {
            for (int i = random.Next(20); i > 0; i--) Deeper.Add(new Version(random.Next(KeyCount), (ulong)(21 - i), random.Next(3) == 0));
            for (ulong sequence = 30; sequence < 60; sequence++)
                Inputs.Add(new Version(random.Next(KeyCount), sequence, random.Next(3) == 0));
            Inputs.Sort((a, b) => a.Key != b.Key ? a.Key.CompareTo(b.Key) : b.Sequence.CompareTo(a.Sequence));
            ulong[] snapshots = new ulong[1 + random.Next(5)];
            for (int i = 0; i < snapshots.Length; i++) snapshots[i] = (ulong)random.Next(10, 70);
            Array.Sort(snapshots);
            Snapshots = snapshots;
        }

        public List<Version> Inputs { get; } = [];

        public List<Version> Deeper { get; } = [];

        public List<Version> Outputs { get; } = [];

        public ulong[] Snapshots { get; }

        /// <summary>The snapshots, and all that may still be taken.</summary>
        public IEnumerable<ulong> ReadableSequences =>
            Snapshots.Concat(Enumerable.Range(0, 62).Select(i => (ulong)i).Where(i => i >= Snapshots[^1]));

        public void Compact()
        {
            var rule = new DropRule(Snapshots);
            int previousKey = -1;
            foreach (Version version in Inputs)
            {
                ulong trailer = Trailer.Pack(version.Sequence, version.IsTombstone ? EntryKind.Tombstone : EntryKind.Value);
                DropVerdict verdict = rule.Judge(version.Key != previousKey, trailer);
                previousKey = version.Key;
                if (verdict == DropVerdict.DropUnlessDeeper && Deeper.Exists(deeper => deeper.Key == version.Key))
                    verdict = DropVerdict.Keep;
                if (verdict == DropVerdict.Keep) Outputs.Add(version);
            }
        }

        /// <summary>The sequence of the version that a snapshot reads; 0 when it finds the key absent.</summary>
        public static ulong Read(int key, ulong snapshot, List<Version> upper, List<Version> deeper)
        {
            Version newest = FindNewest(key, snapshot, upper, FindNewest(key, snapshot, deeper, default));
            return newest.IsTombstone ? 0 : newest.Sequence;
        }

        private static Version FindNewest(int key, ulong snapshot, List<Version> versions, Version newest)
        {
            foreach (Version version in versions)
            {
                if (version.Key == key && version.Sequence <= snapshot && version.Sequence > newest.Sequence) newest = version;
            }

            return newest;
        }
    }
}
