using System.Runtime.CompilerServices;
using Varve.Native;

namespace Varve.Tests.Api;

public sealed class CloseTests
{
    [Fact]
    public void After_Close_everything_says_that_the_database_is_disposed()
    {
        Database database = OptionSet.Tiny.Open(new SimulatedDisk(), new RegionPool());
        SortedMap map = database.GetMap("m");
        map.Put("k"u8, "v"u8);
        WriteBatch batch = database.CreateBatch();
        batch.Put(map, "k"u8, default);
        Snapshot snapshot = database.CreateSnapshot();
        Cursor cursor = map.CreateCursor();
        Assert.True(cursor.SeekToFirst());
        database.Close();
        database.Close();
        database.Dispose();

        Action[] uses =
        [
            () => map.Put("k"u8, default), () => map.Get("k"u8), () => map.Get("k"u8, snapshot), () => map.CreateCursor(),
            () => database.Write(batch), () => database.GetMap("n"), () => database.ListMaps(), () => database.CreateBatch(),
            () => database.CreateSnapshot(), database.Sync, database.Flush, () => database.Compact(), database.WaitForUpkeep,
            () => database.GetStatistics(), () => database.Verify(), () => cursor.SeekToFirst(), () => cursor.Next(),
            () => _ = cursor.Key.Length, () => database.WaitForDurable(1), database.Trim,
            () => { foreach (Entry _ in map.All()) { } },
        ];
        for (int i = 0; i < uses.Length; i++)
        {
            Exception? thrown = Record.Exception(uses[i]);
            Assert.True(thrown is ObjectDisposedException, $"use {i}: {thrown}");
        }

        Assert.False(cursor.IsValid);
        cursor.Dispose();
        snapshot.Dispose();
        batch.Dispose();
    }

    [Fact]
    public void Nothing_keeps_a_closed_database_alive_on_a_thread_that_wrote_to_it()
    {
        WeakReference closed = WriteAndClose();
        for (int i = 0; i < 10 && closed.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.False(closed.IsAlive);
    }

    [Fact]
    public void Open_and_close_leak_neither_descriptors_nor_memory()
    {
        var disk = new SimulatedDisk();
        var pool = new RegionPool();
        pool.AddUser();
        long reserved = 0;
        for (int round = 0; round < 20; round++)
        {
            using Database database = (OptionSet.Tiny with { ChangeHistoryBytes = 64 << 10 }).Open(disk, pool);
            SortedMap map = database.GetMap("m");
            for (int i = 0; i < 300; i++) map.Put(BitConverter.GetBytes(i), new byte[100]);
            using (Cursor cursor = map.CreateCursor()) cursor.SeekToLast();
            if (round % 2 == 0) database.WaitForUpkeep();
            database.Close();
            Assert.Equal(0, disk.OpenFileCount);
            if (round == 9) reserved = pool.ReservedBytes;
        }

        // Memtables that wait for a flush may be one or two more or less.
        Assert.True(pool.ReservedBytes <= 2 * reserved, $"{pool.ReservedBytes:N0} bytes reserved, {reserved:N0} at half time");
        Assert.True(disk.ListAllFiles().Count < 40, $"{disk.ListAllFiles().Count} files");
    }

    [Fact]
    public void A_cursor_that_outlives_the_database_is_harmless()
    {
        var disk = new SimulatedDisk();
        var pool = new RegionPool();
        Database database = OptionSet.Tiny.Open(disk, pool);
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < 2000; i++) map.Put(BitConverter.GetBytes(i), new byte[100]);
        database.Compact();
        Cursor cursor = map.CreateCursor();
        cursor.SeekToFirst();
        database.Close();

        using (Database reopened = OptionSet.Tiny.Open(disk, pool))
        {
            cursor.Dispose();
            int count = 0;
            foreach (Entry _ in reopened.GetMap("m").All()) count++;
            Assert.Equal(2000, count);
        }

        Assert.Equal(0, disk.OpenFileCount);
    }

    [Fact]
    public void Close_beside_readers_and_writers_ends_them_cleanly()
    {
        for (int round = 0; round < 10; round++)
        {
            var disk = new SimulatedDisk();
            var pool = new RegionPool();
            Database database = OptionSet.Tiny.Open(disk, pool);
            SortedMap map = database.GetMap("m");
            for (int i = 0; i < 1000; i++) map.Put(BitConverter.GetBytes(i), new byte[100]);
            using var started = new CountdownEvent(4);
            int acknowledged = 0;
            Exception?[] failures = new Exception?[4];
            Action<int>[] uses =
            [
                i => map.Get(BitConverter.GetBytes(i % 1000)),
                i =>
                {
                    using Cursor cursor = map.CreateCursor();
                    for (bool stands = cursor.SeekToLast(); stands; stands = cursor.Previous())
                    {
                    }
                },
                i =>
                {
                    map.Put("written"u8, BitConverter.GetBytes(i));
                    acknowledged = i;
                },
                i => map.Delete(BitConverter.GetBytes(5000 + i)),
            ];
            Thread[] threads =
            [
                .. uses.Select((use, index) => new Thread(() =>
                {
                    started.Signal();
                    failures[index] = Record.Exception((Action)(() =>
                    {
                        for (int i = 1; ; i++) use(i);
                    }));
                })),
            ];
            foreach (Thread thread in threads) thread.Start();
            started.Wait();
            database.Close();
            foreach (Thread thread in threads) thread.Join();
            foreach (Exception? failure in failures) Assert.True(failure is ObjectDisposedException, $"round {round}: {failure}");
            Assert.Equal(0, disk.OpenFileCount);
            using Database reopened = OptionSet.Tiny.Open(disk, pool);
            byte[]? written = reopened.GetMap("m").Get("written"u8);
            Assert.True(
                (written is null ? 0 : BitConverter.ToInt32(written)) >= acknowledged,
                $"round {round}: an acknowledged write is gone");
        }
    }

    /// <summary>In a frame of its own, so that no local of the caller holds the database.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference WriteAndClose()
    {
        using Database database = OptionSet.Tiny.Open(new SimulatedDisk(), new RegionPool());
        SortedMap map = database.GetMap("m");
        map.Put("k"u8, "v"u8);
        map.Put("large"u8, new byte[300_000]);
        map.Delete("k"u8);
        map.Get("large"u8);
        return new WeakReference(database);
    }
}
