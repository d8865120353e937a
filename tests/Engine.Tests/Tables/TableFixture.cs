using Varve.Bytes;
using Varve.Entries;
using Varve.Native;
using Varve.Runtime;
using Varve.Tables;

namespace Varve.Tests.Tables;

/// <summary>An entry as a test states it.</summary>
internal sealed record TestEntry(byte[] Key, ulong Trailer, byte[] Value);

/// <summary>A store on a simulated disk, and what the tests write into it and expect of it.</summary>
internal sealed class TableFixture : IDisposable
{
    public static readonly DatabaseId Id = new(0x0123456789abcdef, 0xfedcba9876543210);

    private static readonly RegionPool s_pool = new();

    public TableFixture(
        long cacheBytes = 8 << 20, int openFilesMax = 16, bool readsNeighbours = false, long directWritesFromBytes = 0)
    {
        Disk.CreateDirectory("data");
        Cache = new BlockCache(s_pool, cacheBytes);
        Store = new TableStore(Disk, "data", Id, Cache, openFilesMax, RandomSource.System)
        {
            DirectWritesFromBytes = directWritesFromBytes,
            Neighbours = readsNeighbours ? new NeighbourReads(new SystemScheduler(TimeProvider.System), Cache) : null,
        };
    }

    public SimulatedDisk Disk { get; } = new() { DirectWriteAlignment = 512 };

    public BlockCache Cache { get; }

    public TableStore Store { get; }

    public static IComparer<TestEntry> Order { get; } =
        Comparer<TestEntry>.Create((a, b) => EntryOrder.Compare(a.Key, a.Trailer, b.Key, b.Trailer));

    /// <summary>Writes a table and gives it with one reference.</summary>
    public Table Write(IEnumerable<TestEntry> entries, TableFormatOptions? options = null, long number = 1, bool direct = false)
    {
        using TableWriter writer = Store.CreateWriter(number, options ?? TableFormatOptions.Default, direct);
        foreach (TestEntry entry in entries) writer.Add(entry.Key, entry.Trailer, entry.Value);
        Table table = Store.Make(writer.Finish());
        table.AddReference();
        return table;
    }

    /// <summary>The file of table 1.</summary>
    public byte[] File
    {
        get => Disk.ReadAll(Store.PathOf(1));
        set => Disk.WriteAll(Store.PathOf(1), value);
    }

    public void Dispose()
    {
        Store.Dispose();
        Cache.Dispose();
    }

    public static TestEntry Put(string key, ulong sequence, string value) =>
        new(Encode(key), Trailer.Pack(sequence, EntryKind.Value), Encode(value));

    public static byte[] Encode(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    /// <summary>
    /// Sorted entries of every shape: empty and long keys, prefixes of others, versions, tombstones, values of all sizes.
    /// </summary>
    public static List<TestEntry> MakeEntries(Random random, int keyCount, int largeValues = 0)
    {
        var entries = new SortedSet<TestEntry>(Order);
        byte[] stem = new byte[random.Next(0, 40)];
        random.NextBytes(stem);
        for (int i = 0; i < keyCount; i++)
        {
            byte[] key = MakeKey(random, stem);
            int versions = random.Next(12) == 0 ? random.Next(1, 60) : 1;
            for (int version = 0; version < versions; version++)
            {
                bool isTombstone = random.Next(8) == 0;
                byte[] value = new byte[isTombstone ? 0 : random.Next(40) == 0 ? random.Next(9000) : random.Next(120)];
                if (random.Next(2) == 0) random.NextBytes(value);
                EntryKind kind = isTombstone ? EntryKind.Tombstone : EntryKind.Value;
                entries.Add(new TestEntry(key, Trailer.Pack((ulong)random.NextInt64(1, 1 << 20), kind), value));
            }
        }

        for (int i = 0; i < largeValues; i++)
        {
            byte[] value = new byte[random.Next(TableFormat.InlineValueBytesMax - 1, 300_000)];
            random.NextBytes(value);
            entries.Add(new TestEntry(MakeKey(random, stem), Trailer.Pack(1UL << 21 | (uint)i, EntryKind.Value), value));
        }

        return [.. entries];
    }

    public static byte[] MakeKey(Random random, byte[] stem)
    {
        int length = random.Next(30) switch
        {
            0 => 0,
            1 => random.Next(400, 3000),
            2 => TableFormat.KeyBytesMax - stem.Length,
            _ => random.Next(1, 20),
        };
        byte[] key = new byte[length];
        if (random.Next(3) == 0) random.NextBytes(key);
        else for (int i = 0; i < length; i++) key[i] = (byte)(random.Next(3) * 127);
        return random.Next(4) == 0 || length > 2000 ? key : [.. stem, .. key];
    }
}
