using System.Text;
using Varve.Native;
using Varve.Reading;

namespace Varve.Tests.Api;

/// <summary>A database with tiny tables on a simulated disk, and entries to ingest into it.</summary>
public abstract class IngestHarness
{
    private protected RegionPool Pool { get; } = new();

    private protected SimulatedDisk Disk { get; } = new();

    private protected static int TablesOn(Database database, int level)
    {
        ReadView view = database.Views.Pin();
        try
        {
            return view.Levels.Tables(level).Length;
        }
        finally
        {
            view.Release();
        }
    }

    private protected static byte[] Key(int number) => Encoding.UTF8.GetBytes($"key {number:D6}");

    private protected static KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Pair(byte[] key, byte[] value) => new(key, value);

    private protected static IEnumerable<KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>> Entries(int first, int end)
    {
        for (int i = first; i < end; i++) yield return Pair(Key(i), Encoding.UTF8.GetBytes($"value {i}"));
    }

    private protected static void Check(Database database, int first, int end)
    {
        SortedMap map = database.GetMap("m");
        for (int i = first; i < end; i++) Assert.Equal($"value {i}", Encoding.UTF8.GetString(map.Get(Key(i)) ?? []));
        Assert.Equal(end - first, CountOf(map.Prefix("key"u8)));
        Assert.Equal(end - first, CountOf(map.Prefix("key"u8, Direction.Descending)));
    }

    private protected static int CountOf(EntryRange range) => Read(range).Count;

    private protected static List<KeyValuePair<byte[], byte[]>> Read(EntryRange range)
    {
        var entries = new List<KeyValuePair<byte[], byte[]>>();
        foreach (Entry entry in range) entries.Add(new(entry.Key.ToArray(), entry.Value.ToArray()));
        return entries;
    }

    private protected Database Open() => OptionSet.Tiny.Open(Disk, Pool);

    private protected List<string> Tables() => [.. Disk.ListAllFiles().Where(path => path.EndsWith(".table", StringComparison.Ordinal))];

    private protected sealed class LastProgress : IProgress<IngestProgress>
    {
        public IngestProgress Last { get; private set; }

        public void Report(IngestProgress value) => Last = value;
    }
}
