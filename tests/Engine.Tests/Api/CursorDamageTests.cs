using System.Globalization;
using Varve.Native;

namespace Varve.Tests.Api;

/// <summary>Damage under a user's cursor: typed errors, nothing stale, and all else can be read.</summary>
public sealed class CursorDamageTests
{
    private const int Count = 2_000;

    private readonly SimulatedDisk _disk = new();
    private readonly RegionPool _pool = new();
    private readonly OptionSet _options = OptionSet.All[^1] with { Compress = false };

    [Fact]
    public void A_move_into_damage_leaves_the_cursor_on_no_entry_and_a_seek_elsewhere_goes_on()
    {
        Fill();
        Damage(KeyOf(Count / 2));
        using Database database = _options.Open(_disk, _pool);
        SortedMap map = database.GetMap("m");

        // Some entries beside the table, so that the scan is a merge.
        for (int i = 0; i < Count; i += 100) map.Put(KeyOf(i), "new"u8);
        using Cursor cursor = map.CreateCursor();
        int before = WalkToDamage(cursor, cursor.SeekToFirst, cursor.Next);
        int behind = WalkToDamage(cursor, cursor.SeekToLast, cursor.Previous);
        Assert.InRange(behind - before, 2, 500);

        Assert.True(cursor.Seek(KeyOf(behind)));
        Assert.Throws<CorruptDataException>(() => cursor.Seek(KeyOf(before + 1)));
        AssertStandsNowhere(cursor);

        // Not the last one before the damage: older versions of that could stand in the damaged block.
        Assert.True(cursor.SeekForPrevious(KeyOf(before - 1)));
        Assert.Equal(KeyOf(before - 1), cursor.Key.ToArray());
        Assert.Throws<CorruptDataException>(() => cursor.SeekForPrevious(KeyOf(behind - 1)));
        AssertStandsNowhere(cursor);
        Assert.True(cursor.SeekToFirst());
        Assert.Equal("new"u8.ToArray(), cursor.Value.ToArray());
        Assert.True(cursor.Next());
        Assert.Equal(KeyOf(1), cursor.Key.ToArray());
    }

    [Fact]
    public void A_cursor_that_finds_its_entry_damaged_in_a_newer_view_stands_nowhere_and_can_seek_elsewhere()
    {
        using Database database = _options.Open(_disk, _pool);
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < Count; i++) map.Put(KeyOf(i), new byte[20]);
        using Cursor steps = map.CreateCursor();
        using Cursor seeks = map.CreateCursor();
        Assert.True(steps.Seek(KeyOf(Count / 2)));
        Assert.True(seeks.Seek(KeyOf(Count / 2)));
        database.Flush();
        Damage(KeyOf(Count / 2));

        Assert.True(seeks.Seek(KeyOf(Count - 1)));
        Assert.Throws<CorruptDataException>(() => steps.Next());
        AssertStandsNowhere(steps);
        Assert.True(steps.SeekToFirst());
        Assert.Equal(KeyOf(0), steps.Key.ToArray());
        Assert.Throws<CorruptDataException>(() => steps.Seek(KeyOf(Count / 2)));
    }

    [Fact]
    public void A_damaged_large_value_fails_only_who_reads_it()
    {
        const int Damaged = 1_000;
        byte[] large = new byte[600_000];
        new Random(1).NextBytes(large);
        Fill(map =>
        {
            map.Put(KeyOf(Damaged), large);
            map.Put(KeyOf(Damaged + 1), large.AsSpan(100_000, 20_000));
        });
        string table = DamageBytes(large.AsSpan(0, 64));
        using Database database = _options.Open(_disk, _pool);
        SortedMap map = database.GetMap("m");
        foreach (Direction direction in Enum.GetValues<Direction>())
        {
            int seen = 0;
            foreach (Entry entry in map.All(direction))
            {
                seen++;
                if (!entry.Key.SequenceEqual(KeyOf(Damaged))) Assert.NotEqual(0, entry.Value.Length);
            }

            Assert.Equal(Count, seen);
        }

        using Cursor cursor = map.CreateCursor();
        Assert.True(cursor.Seek(KeyOf(Damaged)));
        AssertValueIsDamaged(cursor, cursor.Next, Damaged + 1);
        Assert.Equal(20_000, cursor.Value.Length);
        Assert.True(cursor.Previous());
        AssertValueIsDamaged(cursor, cursor.Previous, Damaged - 1);
        Assert.True(cursor.Next());
        AssertValueIsDamaged(cursor, cursor.Next, Damaged + 1);

        Assert.True(map.Contains(KeyOf(Damaged)));
        Assert.Throws<CorruptDataException>(() => map.Get(KeyOf(Damaged)));
        Assert.True(large.AsSpan(100_000, 20_000).SequenceEqual(map.Get(KeyOf(Damaged + 1))));
        Assert.Equal(table, Assert.Single(database.Verify().Damages).Path);
    }

    private static byte[] KeyOf(int number) =>
        System.Text.Encoding.UTF8.GetBytes("key " + number.ToString("D5", CultureInfo.InvariantCulture));

    private static int NumberOf(ReadOnlySpan<byte> key) => int.Parse(key[4..], CultureInfo.InvariantCulture);

    /// <summary>The number of the last entry before the damage, whichever way the walk goes.</summary>
    private static int WalkToDamage(Cursor cursor, Func<bool> begin, Func<bool> move)
    {
        Assert.True(begin());
        while (true)
        {
            int number = NumberOf(cursor.Key);
            Exception? failure = Record.Exception(() => Assert.True(move()));
            if (failure is null) continue;
            Assert.IsType<CorruptDataException>(failure);
            AssertStandsNowhere(cursor);
            return number;
        }
    }

    private static void AssertStandsNowhere(Cursor cursor)
    {
        Assert.False(cursor.IsValid);
        Assert.Throws<InvalidOperationException>(() => cursor.Key.Length);
        Assert.Throws<InvalidOperationException>(() => cursor.Value.Length);
        Assert.Throws<InvalidOperationException>(() => cursor.Next());
        Assert.Throws<InvalidOperationException>(() => cursor.Previous());
    }

    /// <summary>However often it is asked for; the key stays, and the next move goes on.</summary>
    private static void AssertValueIsDamaged(Cursor cursor, Func<bool> move, int next)
    {
        byte[] key = cursor.Key.ToArray();
        for (int i = 0; i < 2; i++) Assert.Throws<CorruptDataException>(() => cursor.Value.Length);
        Assert.True(cursor.IsValid);
        Assert.Equal(key, cursor.Key.ToArray());
        Assert.True(move());
        Assert.Equal(KeyOf(next), cursor.Key.ToArray());
    }

    private void Fill(Action<SortedMap>? more = null)
    {
        using Database database = _options.Open(_disk, _pool);
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < Count; i++) map.Put(KeyOf(i), new byte[20]);
        more?.Invoke(map);
        database.Compact();
        database.Close();
    }

    private void Damage(byte[] key) => DamageBytes(key);

    /// <summary>Flips a bit of the first occurrence in a table: a key's is in its data block, which comes before the index.</summary>
    private string DamageBytes(ReadOnlySpan<byte> bytes)
    {
        foreach (string path in _disk.ListAllFiles().Where(path => path.EndsWith(".table", StringComparison.Ordinal)))
        {
            int offset = _disk.ReadAll(path).AsSpan().IndexOf(bytes);
            if (offset < 0) continue;
            _disk.FlipBit(path, 8L * offset);
            return path;
        }

        throw new InvalidOperationException("No table has these bytes.");
    }
}
