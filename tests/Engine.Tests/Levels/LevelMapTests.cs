using Varve.Levels;
using Varve.Tables;
using Varve.Tests.House;

namespace Varve.Tests.Levels;

public class LevelMapTests
{
    [Fact]
    public void Searches_on_a_sorted_level_agree_with_a_scan_of_it()
    {
        for (int seed = 1; seed <= 40; seed++)
        {
            var random = new Random(seed);
            LevelMap map = MakeSortedLevel(random, 3);
            for (int i = 0; i < 400; i++)
            {
                byte[] key = RandomKey(random);
                byte[] other = RandomKey(random);
                if (key.AsSpan().SequenceCompareTo(other) > 0) (key, other) = (other, key);
                CheckSearches(map, 3, key, other, $"seed {seed}, keys {Convert.ToHexString(key)} {Convert.ToHexString(other)}");
            }
        }
    }

    private static void CheckSearches(LevelMap map, int level, byte[] key, byte[] other, string context)
    {
        Table[] tables = map.Tables(level).ToArray();
        int holding = Array.FindIndex(
            tables, table => Compare(table.Info.SmallestKey, key) <= 0 && Compare(table.Info.LargestKey, key) >= 0);
        int first = Array.FindIndex(tables, table => Compare(table.Info.LargestKey, key) >= 0);
        int last = Array.FindLastIndex(tables, table => Compare(table.Info.SmallestKey, key) <= 0);
        Table[] overlapping = Array.FindAll(
            tables, table => Compare(table.Info.SmallestKey, other) <= 0 && Compare(table.Info.LargestKey, key) >= 0);
        Assert.True(holding == map.FindTable(level, key), context);
        Assert.True((first < 0 ? tables.Length : first) == map.FirstAtOrBehind(level, key), context);
        Assert.True(last == map.LastAtOrBefore(level, key), context);
        Assert.True(overlapping.AsSpan().SequenceEqual(map.Overlapping(level, key, other)), context);
        Assert.True((holding >= 0) == map.MayHoldDeeper(level - 1, key), context);
        Assert.False(map.MayHoldDeeper(level, key), context);
        Assert.True((overlapping.Length > 0) == map.OverlapsDeeper(level - 1, new KeyRange(key, other)), context);
    }

    [Fact]
    public void Searching_allocates_nothing()
    {
        LevelMap map = MakeSortedLevel(new Random(5), 2);
        byte[] key = "abcdefgh-abc"u8.ToArray();
        int found = map.FindTable(2, key) + map.Overlapping(2, key, key).Length;
        Assert.Equal(0, Allocated.By(() =>
        {
            for (int i = 0; i < 1_000; i++)
                found += map.FindTable(2, key) + map.LastAtOrBefore(2, key) + map.Overlapping(2, key, key).Length;
        }));
        Assert.NotEqual(int.MinValue, found);
    }

    [Fact]
    public void Level_0_stands_newest_first_and_others_by_key()
    {
        LevelMap map = TestTables.Map(
            (0, TestTables.Info(1, "a", "z", 1, 10)),
            (0, TestTables.Info(3, "a", "z", 21, 30)),
            (0, TestTables.Info(2, "a", "z", 11, 20)),
            (4, TestTables.Info(5, "m", "p")),
            (4, TestTables.Info(6, "a", "c")));
        Assert.Equal([3, 2, 1], Numbers(map, 0));
        Assert.Equal([6, 5], Numbers(map, 4));
        Assert.Equal(5, map.TableCount);
        Assert.Equal(1_005 + 1_006, map.LevelBytes(4));
        Assert.Equal(5 * 1_000 + 17, map.FileBytes);
    }

    [Fact]
    public void A_moved_table_stays_the_same_object_and_a_removed_one_becomes_obsolete()
    {
        LevelMap map = TestTables.Map((1, TestTables.Info(1, "a", "c")), (1, TestTables.Info(2, "d", "f")));
        Table moved = map.Tables(1)[0];
        Table removed = map.Tables(1)[1];
        var edit = new LevelEdit();
        edit.Remove(1, 1);
        edit.Remove(1, 2);
        edit.Add(2, moved.Info);
        edit.Add(2, TestTables.Info(3, "d", "e"));
        LevelMap next = map.Apply(edit, TestTables.Make);
        map.MarkObsolete(edit);
        Assert.Same(moved, next.Tables(2)[0]);
        Assert.Equal([1, 3], Numbers(next, 2));
        Assert.Empty(Numbers(next, 1));
        Assert.Equal([1, 2], Numbers(map, 1));
        Assert.False(moved.IsObsolete);
        Assert.True(removed.IsObsolete);
    }

    [Fact]
    public void A_map_lets_go_of_its_tables_with_its_own_last_reference()
    {
        var table = new Table(TestTables.Info(1, "a", "b"), null!);
        table.AddReference();
        var edit = new LevelEdit();
        edit.Add(6, table.Info);
        LevelMap map = LevelMap.CreateEmpty().Apply(edit, _ => table);
        LevelMap next = map.Apply(new LevelEdit(), TestTables.Make);
        Assert.True(map.TryAddReference());
        map.Release();
        next.Release();
        table.AddReference();
        table.Release();
        map.Release();
        Assert.False(map.TryAddReference());
        Assert.Throws<InvariantViolatedException>(map.AddReference);

        // Only the test's own reference is left: its release is the one that asks the store, which is not there.
        Assert.Throws<NullReferenceException>(table.Release);
    }

    [Fact]
    public void An_edit_that_contradicts_the_map_is_refused()
    {
        LevelMap map = TestTables.Map((0, TestTables.Info(1, "a", "m", 5, 9)), (3, TestTables.Info(2, "d", "f")));
        Refuses(map, edit => edit.Remove(3, 1));
        Refuses(map, edit => edit.Remove(0, 7));
        Refuses(map, edit => edit.Add(3, TestTables.Info(3, "f", "g")));
        Refuses(map, edit => edit.Add(3, TestTables.Info(3, "a", "z")));
        Refuses(map, edit => edit.Add(4, TestTables.Info(2, "a", "z")));
        Refuses(map, edit => edit.Add(3, TestTables.Info(2, "x", "z")));
        Refuses(map, edit => edit.Add(0, TestTables.Info(3, "m", "z", 7, 12)));
        map.Apply(EditOf(edit => edit.Add(0, TestTables.Info(3, "n", "z", 7, 12))), TestTables.Make);
        map.Apply(EditOf(edit => edit.Add(0, TestTables.Info(3, "m", "z", 10, 12))), TestTables.Make);
        map.Apply(EditOf(edit => edit.Add(3, TestTables.Info(3, "f\0", "g"))), TestTables.Make);
    }

    private static void Refuses(LevelMap map, Action<LevelEdit> change) =>
        Assert.Throws<InvariantViolatedException>(() => map.Apply(EditOf(change), TestTables.Make));

    private static LevelEdit EditOf(Action<LevelEdit> change)
    {
        var edit = new LevelEdit();
        change(edit);
        return edit;
    }

    private static long[] Numbers(LevelMap map, int level) => Array.ConvertAll(map.Tables(level).ToArray(), table => table.Info.Number);

    private static int Compare(byte[] a, byte[] b) => a.AsSpan().SequenceCompareTo(b);

    // Few distinct bytes and a long common start, so that heads tie, keys are prefixes of others and bounds are hit exactly.
    private static byte[] RandomKey(Random random)
    {
        byte[] key = new byte[random.Next(0, 14)];
        for (int i = 0; i < key.Length; i++) key[i] = i is > 1 and < 8 ? (byte)7 : (byte)(random.Next(3) * 127);
        return key;
    }

    private static LevelMap MakeSortedLevel(Random random, int level)
    {
        var keys = new SortedSet<byte[]>(Comparer<byte[]>.Create(Compare));
        for (int i = 0; i < 60; i++) keys.Add(RandomKey(random));
        byte[][] bounds = [.. keys];
        var tables = new List<(int, TableInfo)>();
        for (int i = 0; i + 1 < bounds.Length;)
        {
            int last = i + random.Next(2);
            tables.Add((level, TestTables.Info(i + 1, bounds[i], bounds[last])));
            i = last + 1 + random.Next(2);
        }

        return TestTables.Map([.. tables]);
    }
}
