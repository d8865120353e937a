using Varve.Compaction;
using Varve.Entries;
using Varve.Levels;
using Varve.Tables;
using Varve.Tests.Tables;

namespace Varve.Tests.Compaction;

/// <summary>A compaction cut by key range writes what it writes in one piece.</summary>
public sealed class CompactionPartsTests
{
    private static readonly TableFormatOptions s_raw = new() { BlockBytes = 512, FilterBitsPerKey = 10 };

    private static readonly CompactionOptions s_options = new() { MemtableBytes = 16 << 10, TableBytes = 16 << 10 };

    [Fact]
    public void Parts_together_write_what_one_piece_does_with_snapshots_and_range_deletes_across_the_borders()
    {
        int mostParts = 0;
        for (int seed = 1; seed <= 30; seed++)
        {
            var random = new Random(seed);
            using var house = new House(random);
            KeySlice[] chosen = PartBorders.Choose(house.Pick, s_options, threads: 2);
            mostParts = Math.Max(mostParts, chosen.Length);
            Content whole = house.Run([KeySlice.All], random);
            CheckSame(whole, house.Run(chosen, random), $"seed {seed}, {chosen.Length} chosen parts");
            KeySlice[] drawn = house.DrawSlices(random);
            CheckSame(whole, house.Run(drawn, random), $"seed {seed}, {drawn.Length} drawn parts");
        }

        Assert.True(mostParts >= 4, $"at most {mostParts} parts");
    }

    [Fact]
    public void Parts_are_about_equal_follow_each_other_and_cover_all_keys()
    {
        for (int seed = 1; seed <= 20; seed++)
        {
            using var house = new House(new Random(seed));
            KeySlice[] slices = PartBorders.Choose(house.Pick, s_options, threads: 2);
            Assert.Null(slices[0].Start);
            Assert.Null(slices[^1].End);
            for (int i = 1; i < slices.Length; i++)
            {
                Assert.Same(slices[i - 1].End, slices[i].Start);
                Assert.True(i == 1 || slices[i].Start.AsSpan().SequenceCompareTo(slices[i - 1].Start) > 0, $"seed {seed}, part {i}");
            }

            long[] bytes = [.. slices.Select(slice => house.Entries.Where(entry => IsIn(slice, entry.Key)).Sum(BytesOf))];
            Assert.True(bytes.Max() < 2 * bytes.Sum() / slices.Length + 20_000, $"seed {seed}: {string.Join(", ", bytes)}");
        }
    }

    [Fact]
    public void Nothing_is_cut_without_help_without_memory_or_below_a_size()
    {
        using var house = new House(new Random(1));
        Assert.Single(PartBorders.Choose(house.Pick, s_options, threads: 1));
        Assert.Single(PartBorders.Choose(house.Pick, s_options with { MemoryBytes = 1 << 20 }, threads: 2));
        Assert.Single(PartBorders.Choose(house.Pick, s_options with { TableBytes = 4 * house.Pick.InputBytes }, threads: 2));
    }

    [Fact]
    public void An_input_that_lacks_entries_is_found_by_the_sum_over_all_parts()
    {
        using var house = new House(new Random(3));
        KeySlice[] slices = PartBorders.Choose(house.Pick, s_options, threads: 2);
        Assert.True(slices.Length > 2);
        KeySlice[] gap = [.. slices.Where((_, i) => i != 1)];
        Assert.Throws<CorruptDataException>(() => house.Run(gap, new Random(1)));
    }

    private static bool IsIn(KeySlice slice, byte[] key) =>
        (slice.Start is null || key.AsSpan().SequenceCompareTo(slice.Start) >= 0) && !slice.EndsAtOrBefore(key);

    private static long BytesOf(TestEntry entry) => DataBlock.EntryBytes(entry.Key.Length, entry.Value.Length);

    private static void CheckSame(Content expected, Content actual, string where)
    {
        Assert.True(expected.Entries.Count == actual.Entries.Count, $"{where}: {actual.Entries.Count}, not {expected.Entries.Count}");
        for (int i = 0; i < expected.Entries.Count; i++)
        {
            TestEntry a = expected.Entries[i];
            TestEntry b = actual.Entries[i];
            bool isSame = a.Trailer == b.Trailer && a.Key.AsSpan().SequenceEqual(b.Key) && a.Value.AsSpan().SequenceEqual(b.Value);
            Assert.True(isSame, $"{where}: entry {i}");
        }

        foreach (byte[] key in expected.Keys)
        {
            for (ulong sequence = 0; sequence <= House.SequenceMax; sequence += 50)
            {
                ulong cover = expected.Ranges.NewestCovering(key, sequence);
                Assert.True(cover == actual.Ranges.NewestCovering(key, sequence), $"{where}: a range delete at {sequence}");
            }
        }
    }

    private sealed record Content(List<TestEntry> Entries, RangeTombstones Ranges, List<byte[]> Keys);

    /// <summary>Tables of level 0 above tables of the bottom, and a compaction of all of them.</summary>
    private sealed class House : IDisposable
    {
        public const ulong SequenceMax = 1000;

        private readonly TableFixture _fixture = new();
        private readonly LevelMap _map;
        private readonly ulong[] _snapshots;
        private readonly List<byte[]> _keys = [];
        private long _number;

        public House(Random random)
        {
            for (int i = 0; i < 300; i++) _keys.Add([(byte)random.Next(8), (byte)random.Next(256), .. new byte[random.Next(3)]]);
            var edit = new LevelEdit();
            edit.Add(LevelMap.BottomLevel, WriteTable(random, 1, 100, withRanges: false));
            edit.Add(0, WriteTable(random, 101, 500, withRanges: true));
            edit.Add(0, WriteTable(random, 501, SequenceMax, withRanges: true));
            _map = LevelMap.CreateEmpty().Apply(edit, _fixture.Store.Make);
            ulong[] drawn = [(ulong)random.Next(1000), (ulong)random.Next(1000), SequenceMax];
            _snapshots = [.. drawn.Order()];
            var request = new CompactionContext { OldestSnapshot = _snapshots[0] };
            new CompactionPlanner(s_options).TryNextForRange(_map, request, range: null, SequenceMax, out CompactionPick? pick);
            Pick = pick!;
            Assert.True(Pick.Inputs.Count == 2 && Pick.Overlapped.Count == 1);
        }

        public CompactionPick Pick { get; }

        public List<TestEntry> Entries { get; } = [];

        public KeySlice[] DrawSlices(Random random)
        {
            byte[][] borders = [.. Enumerable.Range(0, 6).Select(_ => _keys[random.Next(_keys.Count)])];
            Array.Sort(borders, static (a, b) => a.AsSpan().SequenceCompareTo(b));
            var slices = new List<KeySlice>();
            byte[]? start = null;
            foreach (byte[] border in borders)
            {
                slices.Add(new KeySlice(start, border));
                start = border;
            }

            slices.Add(new KeySlice(start, null));
            return [.. slices];
        }

        /// <summary>Runs the compaction; the parts in any order.</summary>
        public Content Run(KeySlice[] slices, Random random)
        {
            using var job = new CompactionJob(
                Pick, _map, _snapshots, reclaimBound: 0, s_options, slices,
                () => new OutputTables(_fixture.Store, () => ++_number, _fixture.Disk, "data", s_raw with { Compress = true }));
            int[] order = [.. Enumerable.Range(0, slices.Length)];
            random.Shuffle(order);
            foreach (int part in order) job.WritePart(part, CancellationToken.None);
            LevelEdit edit = job.Finish();
            CheckDisjoint(edit.Added);
            return Read(edit.Added);
        }

        public void Dispose()
        {
            _map.Release();
            _fixture.Dispose();
        }

        /// <summary>What the map would refuse, but in any case: no key may be in two tables.</summary>
        private static void CheckDisjoint(IReadOnlyList<LeveledTable> tables)
        {
            for (int i = 1; i < tables.Count; i++)
                Assert.True(tables[i - 1].Info.EndsBefore(tables[i].Info.SmallestKey), $"tables {i - 1} and {i} overlap");
        }

        private Content Read(IReadOnlyList<LeveledTable> tables)
        {
            var entries = new List<TestEntry>();
            var ranges = new List<RangeTombstone>();
            foreach (LeveledTable leveled in tables)
            {
                Table table = _fixture.Store.Make(leveled.Info);
                table.AddReference();
                table.Ranges.CopyTo(ranges);
                using (TableCursor cursor = table.CreateCursor(CursorPurpose.Compaction))
                {
                    for (cursor.SeekToFirst(); cursor.IsValid; cursor.Next())
                        entries.Add(new TestEntry(cursor.KeySpan.ToArray(), cursor.Trailer, cursor.GetValue().ToArray()));
                }

                table.Release();
            }

            return new Content(entries, RangeTombstones.Build(ranges, default), _keys);
        }

        private TableInfo WriteTable(Random random, ulong first, ulong last, bool withRanges)
        {
            var entries = new SortedSet<TestEntry>(TableFixture.Order);
            for (ulong sequence = first; sequence <= last; sequence++)
            {
                bool isTombstone = random.Next(5) == 0;
                byte[] value = new byte[isTombstone ? 0 : random.Next(200)];
                random.NextBytes(value);
                byte[] key = _keys[random.Next(_keys.Count)];
                EntryKind kind = isTombstone ? EntryKind.Tombstone : EntryKind.Value;
                entries.Add(new TestEntry(key, Trailer.Pack(sequence, kind), value));
            }

            Entries.AddRange(entries);
            using TableWriter writer = _fixture.Store.CreateWriter(++_number, s_raw, direct: false);
            foreach (TestEntry entry in entries) writer.Add(entry.Key, entry.Trailer, entry.Value);
            return writer.Finish(withRanges ? DrawRanges(random, first, last) : null);
        }

        private static RangeTombstones DrawRanges(Random random, ulong first, ulong last)
        {
            var ranges = new List<RangeTombstone>();
            for (int i = random.Next(5); i > 0; i--)
            {
                int start = random.Next(7 * 256);
                int end = start + random.Next(1, 700);
                ulong sequence = (ulong)random.NextInt64((long)first, (long)last + 1);
                ranges.Add(new RangeTombstone([(byte)(start >> 8), (byte)start], [(byte)(end >> 8), (byte)end], sequence));
            }

            return RangeTombstones.Build(ranges, default);
        }
    }
}
