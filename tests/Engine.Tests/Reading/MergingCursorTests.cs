using Varve.Entries;
using Varve.Reading;
using Varve.Tables;
using Varve.Tests.House;
using Varve.Tests.Tables;

namespace Varve.Tests.Reading;

/// <summary>Merge, levels and visibility over real tables, against sorted lists.</summary>
public sealed class MergingCursorTests : IDisposable
{
    private const int SeedCount = 5;
    private const int VisibleSeedCount = 20;

    private readonly TableFixture _fixture = new();
    private readonly List<Table> _tables = [];

    public void Dispose()
    {
        foreach (Table table in _tables) table.Release();
        _fixture.Dispose();
    }

    [Fact]
    public void A_merge_shows_the_entries_of_all_sources_in_order_and_turns_anywhere()
    {
        int keysLeft = 0;
        int sureCount = 0;
        for (int seed = 1; seed <= SeedCount; seed++)
        {
            var random = new Random(seed);
            List<TestEntry> entries = TableFixture.MakeEntries(random, keyCount: 120);
            byte[] prefix = StartOf(entries[entries.Count / 2].Key, random.Next(2) * 3);
            using var cursor = new MergingCursor(MakeSources(random, entries), prefix);
            (int left, int sure) = CheckMoves(cursor, entries, random, $"seed {seed}");
            (keysLeft, sureCount) = (keysLeft + left, sureCount + sure);
        }

        Assert.True(keysLeft > 0 && sureCount > 0, $"{keysLeft} keys left, {sureCount} surely the newest");
    }

    [Fact]
    public void A_level_shows_its_tables_as_one_run()
    {
        for (int seed = 1; seed <= SeedCount; seed++)
        {
            var random = new Random(seed);
            List<TestEntry> entries = TableFixture.MakeEntries(random, keyCount: 120);
            using var cursor = new LevelCursor(MakeLevel(random, entries), CursorPurpose.Foreground);
            (int left, int sure) = CheckMoves(cursor, entries, random, $"seed {seed}");
            Assert.True(left > 0 && sure > 0, $"seed {seed}: {left} keys left, {sure} surely the newest");
        }
    }

    [Fact]
    public void Seeks_from_table_to_table_allocate_nothing()
    {
        var random = new Random(1);
        List<TestEntry> entries = TableFixture.MakeEntries(random, keyCount: 120);
        Table[] tables = MakeLevel(random, entries);
        Assert.True(tables.Length > 2, $"{tables.Length} tables");
        using var cursor = new LevelCursor(tables, CursorPurpose.Foreground);
        Assert.Equal(0, Allocated.By(SeekEach));

        void SeekEach()
        {
            // From the last table to the first, then forward: each seek changes the table.
            for (int i = 0; i < 2 * tables.Length; i++)
            {
                Table table = tables[i % 2 == 0 ? ^1 : i / 2 % (tables.Length - 1)];
                cursor.Seek(table.Info.SmallestKey, table.Info.SmallestTrailer);
                if (!cursor.IsValid || !cursor.KeySpan.SequenceEqual(table.Info.SmallestKey)) throw new InvalidOperationException();
            }
        }
    }

    [Fact]
    public void A_level_without_tables_shows_nothing()
    {
        using var cursor = new LevelCursor([], CursorPurpose.Foreground);
        cursor.SeekToFirst();
        Assert.False(cursor.IsValid);
        cursor.SeekToLast();
        Assert.False(cursor.IsValid);
        cursor.Seek("k"u8, Trailer.Newest);
        Assert.False(cursor.IsValid);
        cursor.SeekForPrevious("k"u8, Trailer.Oldest);
        Assert.False(cursor.IsValid);
    }

    [Fact]
    public void A_reader_sees_of_every_key_the_newest_version_of_its_moment_between_its_bounds()
    {
        for (int seed = 1; seed <= VisibleSeedCount; seed++)
        {
            var random = new Random(seed);
            List<TestEntry> entries = TableFixture.MakeEntries(random, keyCount: 150, largeValues: 4);
            ulong sequence = random.Next(4) == 0 ? Trailer.SequenceMax : (ulong)random.NextInt64(1 << 20);
            byte[] lower = random.Next(2) == 0 ? [] : entries[random.Next(entries.Count)].Key;
            byte[]? upper = random.Next(2) == 0 ? null : entries[random.Next(entries.Count)].Key;
            List<TestEntry> visible = Visible(entries, sequence, lower, upper);
            byte[] prefix = StartOf(entries[random.Next(entries.Count)].Key, random.Next(11));
            var merged = new MergingCursor(MakeSources(random, entries), prefix);
            using var cursor = new VisibleCursor(merged, new ReadMoment(sequence, 0), lower, upper, cover: null, prefix);
            int place = -1;
            for (int step = 0; step < 1_000; step++)
            {
                bool stands = place >= 0 && place < visible.Count;
                byte[] target = entries[random.Next(entries.Count)].Key;
                switch (random.Next(stands ? 14 : 4))
                {
                    case 0:
                        cursor.SeekToFirst();
                        place = 0;
                        break;
                    case 1:
                        cursor.SeekToLast();
                        place = visible.Count - 1;
                        break;
                    case 2:
                        cursor.Seek(target);
                        place = visible.Count(entry => entry.Key.AsSpan().SequenceCompareTo(target) < 0);
                        break;
                    case 3:
                        cursor.SeekForPrevious(target);
                        place = visible.Count(entry => entry.Key.AsSpan().SequenceCompareTo(target) <= 0) - 1;
                        break;
                    case < 9:
                        cursor.Next();
                        place++;
                        break;
                    default:
                        cursor.Previous();
                        place--;
                        break;
                }

                stands = place >= 0 && place < visible.Count;
                Assert.True(cursor.IsValid == stands, $"seed {seed}, step {step}: stands is {cursor.IsValid}");
                if (!stands) continue;
                Assert.True(cursor.Key.SequenceEqual(visible[place].Key), $"seed {seed}, step {step}: wrong key");
                if (step % 3 == 0) continue;
                Assert.True(cursor.Value.SequenceEqual(visible[place].Value), $"seed {seed}, step {step}: wrong value");
            }
        }
    }

    [Fact]
    public void Short_steps_come_to_the_neighbour_where_it_is_the_only_version_of_another_key()
    {
        int forward = 0;
        int backward = 0;
        for (int seed = 1; seed <= SeedCount; seed++)
        {
            var random = new Random(seed);
            List<TestEntry> entries = TableFixture.MakeEntries(random, keyCount: 400, largeValues: 40);
            byte[] prefix = StartOf(entries[entries.Count / 2].Key, random.Next(4));
            ulong sequence = random.Next(2) == 0 ? Trailer.SequenceMax : 1 << 19;
            using var cursor = new MergingCursor(MakeSources(random, entries, countMax: 4), prefix);
            for (int round = 0; round < 3_000; round++)
            {
                string where = $"seed {seed}, round {round}";
                int place = random.Next(entries.Count);
                bool isForward = random.Next(2) == 0;
                if (isForward) cursor.Seek(entries[place].Key, entries[place].Trailer);
                else cursor.SeekForPrevious(entries[place].Key, entries[place].Trailer);
                if (!isForward && !cursor.IsSurelyNewest) continue;
                var bounds = new StepBounds(prefix, sequence);
                if (isForward) bounds.HeadBehind = cursor.HeadOfOthersBehind(prefix.Length);
                else bounds.HeadBefore = cursor.HeadOfOthersBefore(prefix.Length);
                EntryCursor shown = cursor.Shown;
                while (isForward ? shown.TryStepForward(bounds) : shown.TryStepBackward(bounds))
                {
                    TestEntry left = entries[place];
                    place += isForward ? 1 : -1;
                    TestEntry expected = entries[place];
                    Assert.True(shown.KeySpan.SequenceEqual(expected.Key) && shown.Trailer == expected.Trailer, $"{where}: elsewhere");
                    Assert.True(shown.GetValue().SequenceEqual(expected.Value), $"{where}: another value");
                    Assert.True(Trailer.Sequence(shown.Trailer) <= sequence, $"{where}: not to be seen yet");
                    Assert.False(Trailer.IsTombstone(shown.Trailer), $"{where}: a tombstone");
                    Assert.False(expected.Key.AsSpan().SequenceEqual(left.Key), $"{where}: the same key");
                    Assert.False(HasKeyOf(entries, place - 1, expected) && !isForward, $"{where}: there is a newer version");
                    forward += isForward ? 1 : 0;
                    backward += isForward ? 0 : 1;
                }

                cursor.FollowShown();
                for (int step = 0; step < 4; step++)
                {
                    bool goesOn = random.Next(2) == 0;
                    if ((uint)(place + (goesOn ? 1 : -1)) >= (uint)entries.Count) break;
                    place += goesOn ? 1 : -1;
                    if (goesOn) cursor.Next();
                    else cursor.Previous();
                    bool isThere = cursor.KeySpan.SequenceEqual(entries[place].Key) && cursor.Trailer == entries[place].Trailer;
                    Assert.True(isThere, $"{where}: a move after short steps went elsewhere");
                }
            }
        }

        Assert.True(forward > 50 && backward > 15, $"{forward} steps forward, {backward} backward");
    }

    private static byte[] StartOf(byte[] key, int bytes) => key[..Math.Min(bytes, key.Length)];

    private static List<TestEntry> Visible(List<TestEntry> entries, ulong sequence, byte[] lower, byte[]? upper) =>
    [
        .. entries.Where(entry => Trailer.Sequence(entry.Trailer) <= sequence)
            .GroupBy(entry => Convert.ToHexString(entry.Key))
            .Select(versions => versions.MaxBy(entry => entry.Trailer)!)
            .Where(entry => !Trailer.IsTombstone(entry.Trailer))
            .Where(entry => entry.Key.AsSpan().SequenceCompareTo(lower) >= 0)
            .Where(entry => upper is null || entry.Key.AsSpan().SequenceCompareTo(upper) < 0)
            .Order(TableFixture.Order),
    ];

    /// <summary>Every entry in one of one to so many sources; some of them may stay empty, as levels.</summary>
    private EntryCursor[] MakeSources(Random random, List<TestEntry> entries, int countMax = 9)
    {
        var parts = new List<TestEntry>[random.Next(1, countMax + 1)];
        for (int i = 0; i < parts.Length; i++) parts[i] = [];
        foreach (TestEntry entry in entries) parts[random.Next(parts.Length)].Add(entry);
        return
        [
            .. parts.Select<List<TestEntry>, EntryCursor>(part => part.Count == 0 || random.Next(3) == 0
                ? new LevelCursor(MakeLevel(random, part), CursorPurpose.Foreground)
                : Write(part).CreateCursor(CursorPurpose.Foreground)),
        ];
    }

    /// <summary>Cut anywhere between two keys.</summary>
    private Table[] MakeLevel(Random random, List<TestEntry> entries)
    {
        var tables = new List<Table>();
        int start = 0;
        for (int i = 1; i <= entries.Count; i++)
        {
            bool isBorder = i == entries.Count || !entries[i].Key.AsSpan().SequenceEqual(entries[i - 1].Key);
            if (!isBorder || (i < entries.Count && random.Next(15) > 0)) continue;
            tables.Add(Write(entries[start..i]));
            start = i;
        }

        return [.. tables];
    }

    private Table Write(List<TestEntry> entries)
    {
        Table table = _fixture.Write(entries, TableFormatOptions.Default with { BlockBytes = 300 }, number: _tables.Count + 1);
        _tables.Add(table);
        return table;
    }

    /// <summary>How often the cursor was sure of another key ahead, and of no newer version.</summary>
    private static (int KeysLeft, int SureCount) CheckMoves(EntryCursor cursor, List<TestEntry> entries, Random random, string where)
    {
        int place = -1;
        int keysLeft = 0;
        int sureCount = 0;
        for (int step = 0; step < 1_000; step++)
        {
            bool stands = place >= 0 && place < entries.Count;
            TestEntry target = entries[random.Next(entries.Count)];
            ulong trailer = random.Next(4) switch { 0 => Trailer.Newest, 1 => Trailer.Oldest, _ => target.Trailer };
            var sought = new TestEntry(target.Key, trailer, []);
            switch (random.Next(stands ? 14 : 4))
            {
                case 0:
                    cursor.SeekToFirst();
                    place = 0;
                    break;
                case 1:
                    cursor.SeekToLast();
                    place = entries.Count - 1;
                    break;
                case 2:
                    cursor.Seek(target.Key, trailer);
                    place = entries.Count(entry => TableFixture.Order.Compare(entry, sought) < 0);
                    break;
                case 3:
                    cursor.SeekForPrevious(target.Key, trailer);
                    place = entries.Count(entry => TableFixture.Order.Compare(entry, sought) <= 0) - 1;
                    break;
                case < 8:
                    cursor.Next();
                    place++;
                    break;
                case 8:
                    if (!cursor.TryLeaveKey()) break;
                    Assert.True(!HasKeyOf(entries, place + 1, entries[place]), $"{where}, step {step}: the key was not left");
                    place++;
                    keysLeft++;
                    break;
                default:
                    cursor.Previous();
                    place--;
                    break;
            }

            stands = place >= 0 && place < entries.Count;
            Assert.True(cursor.IsValid == stands, $"{where}, step {step}: stands is {cursor.IsValid}, should be {stands}");
            if (!stands) continue;
            Assert.True(cursor.KeySpan.SequenceEqual(entries[place].Key), $"{where}, step {step}: wrong key");
            Assert.True(cursor.Trailer == entries[place].Trailer, $"{where}, step {step}: wrong version");
            Assert.True(cursor.GetValue().SequenceEqual(entries[place].Value), $"{where}, step {step}: wrong value");
            if (!cursor.IsSurelyNewest) continue;
            Assert.True(!HasKeyOf(entries, place - 1, entries[place]), $"{where}, step {step}: there is a newer version");
            sureCount++;
        }

        return (keysLeft, sureCount);
    }

    private static bool HasKeyOf(List<TestEntry> entries, int place, TestEntry other) =>
        place >= 0 && place < entries.Count && entries[place].Key.AsSpan().SequenceEqual(other.Key);
}
