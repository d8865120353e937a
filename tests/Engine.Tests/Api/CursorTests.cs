using System.Buffers.Binary;

namespace Varve.Tests.Api;

public sealed class CursorTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("varve-test-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_cursor_sees_its_moment_while_memtables_under_it_are_flushed_and_compacted()
    {
        const int Count = 3_000;
        using Database database = Database.Open(
            _directory, new DatabaseOptions { MemoryBudgetBytes = 8 << 20, Durability = Durability.None });
        SortedMap map = database.GetMap("numbers");
        for (int i = 0; i < Count; i++) map.Put(KeyOf(i), [1]);
        using Cursor forward = map.CreateCursor();
        using Cursor backward = map.CreateCursor();
        Assert.True(forward.SeekToFirst());
        Assert.True(backward.SeekToLast());
        for (int i = 0; i < Count; i++)
        {
            Assert.Equal(KeyOf(i), forward.Key.ToArray());
            Assert.Equal(1, forward.Value[0]);
            Assert.Equal(KeyOf(Count - 1 - i), backward.Key.ToArray());
            Assert.Equal(1, backward.Value[0]);
            if (i % 2 == 0) map.Put(KeyOf(i), [2]);
            else map.Delete(KeyOf(Count - i));
            if (i % 500 == 499) database.Flush();
            if (i == 2_000) database.Compact();
            Assert.Equal(i < Count - 1, forward.Next());
            Assert.Equal(i < Count - 1, backward.Previous());
        }

        Assert.False(forward.IsValid);
        Assert.Throws<InvalidOperationException>(() => forward.Next());
    }

    [Fact]
    public void Cursors_that_stand_still_cannot_keep_more_memtables_than_a_quarter_of_the_budget()
    {
        using Database database = Database.Open(
            _directory, new DatabaseOptions { MemoryBudgetBytes = 8 << 20, Durability = Durability.None });
        SortedMap map = database.GetMap("numbers");
        var idle = new List<Cursor>();
        MemoryBudgetException? refusal = null;
        for (int i = 0; i < 10 && refusal is null; i++)
        {
            for (int key = 0; key < 200; key++) map.Put(KeyOf(key), new byte[4_000]);
            try
            {
                idle.Add(map.CreateCursor());
                Assert.True(idle[^1].SeekToFirst());
            }
            catch (MemoryBudgetException exception)
            {
                refusal = exception;
            }

            database.Flush();
        }

        Assert.NotNull(refusal);
        Assert.Contains("MemoryBudgetBytes", refusal.Message, StringComparison.Ordinal);
        Assert.InRange(idle.Count, 2, 5);
        foreach (Cursor cursor in idle) Assert.True(cursor.Next());
        map.CreateCursor().Dispose();
    }

    private static byte[] KeyOf(int number)
    {
        byte[] key = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(key, number);
        return key;
    }
}
