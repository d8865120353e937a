using Varve.Entries;
using Varve.Reading;
using Varve.Tests.Tables;

namespace Varve.Tests.Reading;

/// <summary>What is visible, over a source that forgets an entry as soon as it moves, against the obvious model.</summary>
public sealed class VisibleCursorTests
{
    [Fact]
    public void Any_walk_shows_the_newest_visible_version_of_every_key_between_the_bounds()
    {
        for (int seed = 1; seed <= 150; seed++)
        {
            var random = new Random(seed);
            List<TestEntry> entries = MakeEntries(random, out ulong sequenceMax);
            ulong sequence = random.Next(4) == 0 ? Trailer.SequenceMax : (ulong)random.NextInt64((long)sequenceMax + 1);
            byte[] lower = random.Next(2) == 0 ? [] : MakeKey(random);
            byte[]? upper = random.Next(2) == 0 ? null : MakeKey(random);
            List<TestEntry> visible = Visible(entries, sequence, lower, upper);
            using var cursor = new VisibleCursor(new ListCursor(entries), new ReadMoment(sequence, 0), lower, upper);
            Walk(cursor, visible, random, $"seed {seed}");
        }
    }

    [Theory]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(18)]
    [InlineData(40)]
    public void A_key_with_many_versions_is_seen_right_at_every_sequence_from_both_sides(int versions)
    {
        for (int deletedEvery = 2; deletedEvery <= 5; deletedEvery++)
        {
            List<TestEntry> entries = ThreeKeys(versions, deletedEvery);
            for (ulong sequence = 0; sequence <= (ulong)versions + 3; sequence++)
            {
                string where = $"{versions} versions, every {deletedEvery}th a tombstone, at {sequence}";
                List<TestEntry> visible = Visible(entries, sequence, [], upper: null);
                using var cursor = new VisibleCursor(new ListCursor(entries), new ReadMoment(sequence, 0), [], upper: null);
                cursor.SeekToFirst();
                for (int i = 0; i < visible.Count; i++, cursor.Next()) Check(cursor, visible, i, where + ", forward");
                Check(cursor, visible, visible.Count, where + ", forward");
                cursor.SeekToLast();
                for (int i = visible.Count - 1; i >= 0; i--, cursor.Previous()) Check(cursor, visible, i, where + ", backward");
                Check(cursor, visible, -1, where + ", backward");
            }
        }
    }

    [Fact]
    public void Turning_around_on_a_key_with_many_versions_stays_on_the_neighbours()
    {
        List<TestEntry> entries = ThreeKeys(versions: 40, deletedEvery: int.MaxValue);
        List<TestEntry> visible = Visible(entries, 20, [], upper: null);
        Assert.Equal(2, visible.Count);
        using var cursor = new VisibleCursor(new ListCursor(entries), new ReadMoment(20, 0), [], upper: null);
        cursor.SeekToFirst();
        for (int round = 0; round < 3; round++)
        {
            Check(cursor, visible, 0, $"round {round}");
            cursor.Next();
            Check(cursor, visible, 1, $"round {round}");
            cursor.Previous();
        }
    }

    [Fact]
    public void Thousands_of_versions_of_one_key_cost_a_few_steps_and_a_seek()
    {
        const int StepsMax = 50;
        List<TestEntry> entries = ThreeKeys(versions: 5_000, deletedEvery: int.MaxValue);
        foreach (ulong sequence in (ulong[])[2_500, 5_003])
        {
            var source = new ListCursor(entries);
            using var cursor = new VisibleCursor(source, new ReadMoment(sequence, 0), [], upper: null);
            cursor.Seek("b"u8);
            Assert.True(cursor.IsValid);
            int before = source.MoveCount;
            cursor.Next();
            Assert.InRange(source.MoveCount - before, 1, StepsMax);

            cursor.SeekForPrevious("b"u8);
            Assert.True(cursor.IsValid && cursor.Key.SequenceEqual("b"u8));
            before = source.MoveCount;
            cursor.Previous();
            Assert.InRange(source.MoveCount - before, 0, StepsMax);
            before = source.MoveCount;
            cursor.SeekForPrevious("bb"u8);
            Assert.InRange(source.MoveCount - before, 1, StepsMax);
            Assert.True(cursor.Key.SequenceEqual("b"u8));
        }
    }

    [Fact]
    public void Bounds_that_leave_nothing_show_nothing()
    {
        List<TestEntry> entries = [TableFixture.Put("a", 1, "1"), TableFixture.Put("b", 2, "2"), TableFixture.Put("c", 3, "3")];
        foreach ((string lower, string upper) in ((string, string)[])[("b", "b"), ("c", "a"), ("bb", "c"), ("d", "e"), ("", "")])
        {
            using var cursor = new VisibleCursor(
                new ListCursor(entries), new ReadMoment(Trailer.SequenceMax, 0), TableFixture.Encode(lower), TableFixture.Encode(upper));
            Action[] seeks = [cursor.SeekToFirst, cursor.SeekToLast, () => cursor.Seek("b"u8), () => cursor.SeekForPrevious("b"u8)];
            for (int i = 0; i < seeks.Length; i++)
            {
                seeks[i]();
                Assert.False(cursor.IsValid, $"[{lower}, {upper}), seek {i}");
            }
        }
    }

    [Fact]
    public void A_disposed_cursor_stands_nowhere_and_has_disposed_its_source()
    {
        var source = new ListCursor([TableFixture.Put("a", 1, "1")]);
        var cursor = new VisibleCursor(source, new ReadMoment(1, 0), [], upper: null);
        cursor.SeekToLast();
        Assert.True(cursor.IsValid);
        cursor.Dispose();
        Assert.False(cursor.IsValid);
        Assert.True(source.IsDisposed);
    }

    private static void Walk(VisibleCursor cursor, List<TestEntry> visible, Random random, string where)
    {
        int place = -1;
        for (int step = 0; step < 400; step++)
        {
            bool stands = place >= 0 && place < visible.Count;
            byte[] target = MakeKey(random);
            int move = random.Next(stands ? 20 : 4);
            switch (move)
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
                case < 12:
                    cursor.Next();
                    place++;
                    break;
                default:
                    cursor.Previous();
                    place--;
                    break;
            }

            Check(cursor, visible, place, $"{where}, step {step}, move {move}");
        }
    }

    private static void Check(VisibleCursor cursor, List<TestEntry> visible, int place, string where)
    {
        bool stands = place >= 0 && place < visible.Count;
        Assert.True(cursor.IsValid == stands, $"{where}: stands is {cursor.IsValid} at place {place} of {visible.Count}");
        if (!stands) return;
        Assert.True(cursor.Key.SequenceEqual(visible[place].Key), $"{where}: wrong key");
        Assert.True(cursor.Value.SequenceEqual(visible[place].Value), $"{where}: wrong version");
    }

    private static List<TestEntry> Visible(List<TestEntry> entries, ulong sequence, byte[] lower, byte[]? upper)
    {
        var visible = new List<TestEntry>();
        byte[]? decided = null;
        foreach (TestEntry entry in entries)
        {
            if (Trailer.Sequence(entry.Trailer) > sequence || (decided is not null && decided.AsSpan().SequenceEqual(entry.Key))) continue;
            decided = entry.Key;
            bool isBelow = upper is null || entry.Key.AsSpan().SequenceCompareTo(upper) < 0;
            if (!Trailer.IsTombstone(entry.Trailer) && isBelow && entry.Key.AsSpan().SequenceCompareTo(lower) >= 0) visible.Add(entry);
        }

        return visible;
    }

    /// <summary>"a" and "c" with one version each, around "b" with the given number; value = sequence.</summary>
    private static List<TestEntry> ThreeKeys(int versions, int deletedEvery)
    {
        List<TestEntry> entries = [TableFixture.Put("a", 1, "1"), TableFixture.Put("c", (ulong)versions + 2, "c")];
        for (int i = 1; i <= versions; i++)
        {
            EntryKind kind = i % deletedEvery == 0 ? EntryKind.Tombstone : EntryKind.Value;
            byte[] value = kind == EntryKind.Tombstone ? [] : BitConverter.GetBytes(i);
            entries.Add(new TestEntry([(byte)'b'], Trailer.Pack((ulong)i + 1, kind), value));
        }

        entries.Sort(TableFixture.Order);
        return entries;
    }

    /// <summary>Every sequence once; some keys take most of them.</summary>
    private static List<TestEntry> MakeEntries(Random random, out ulong sequenceMax)
    {
        var entries = new List<TestEntry>();
        byte[][] busy = [MakeKey(random), MakeKey(random)];
        int count = random.Next(1, 200);
        int tombstoneOneIn = random.Next(2, 6);
        for (int i = 1; i <= count; i++)
        {
            byte[] key = random.Next(2) == 0 ? busy[random.Next(busy.Length)] : MakeKey(random);
            bool isTombstone = random.Next(tombstoneOneIn) == 0;
            byte[] value = isTombstone ? [] : [.. BitConverter.GetBytes(i), .. new byte[random.Next(8) == 0 ? 700 : 0]];
            entries.Add(new TestEntry(key, Trailer.Pack((ulong)i, isTombstone ? EntryKind.Tombstone : EntryKind.Value), value));
        }

        entries.Sort(TableFixture.Order);
        sequenceMax = (ulong)count;
        return entries;
    }

    /// <summary>Of few letters, so that keys meet and begin one another.</summary>
    private static byte[] MakeKey(Random random)
    {
        byte[] key = new byte[random.Next(4)];
        for (int i = 0; i < key.Length; i++) key[i] = (byte)(random.Next(3) switch { 0 => 0, 1 => 7, _ => 255 });
        return key;
    }
}
