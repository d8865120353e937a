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
        using Database database = Database.Open(_directory, new DatabaseOptions { MemoryBudgetBytes = 8 << 20, Durability = Durability.None });
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

    private static byte[] KeyOf(int number)
    {
        byte[] key = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(key, number);
        return key;
    }
}
