using Varve.Feed;
using Varve.Native;
using Varve.Tests.Api;

namespace Varve.Tests.Feed;

/// <summary>A tiny database on a simulated disk, and the shortest ways to write to it and to read its feed.</summary>
internal sealed class FeedHouse
{
    /// <summary>Sequences that the name of a first map takes before its first entry: the name, and the next map's id.</summary>
    public const ulong NameCount = 2;

    private readonly RegionPool _pool = new();

    public SimulatedDisk Disk { get; private set; } = new();

    public OptionSet Options { get; set; } = OptionSet.Tiny;

    public Database Open(Durability durability = Durability.Buffered, bool isReadOnly = false) =>
        (Options with { Durability = durability }).Open(Disk, _pool, isReadOnly);

    /// <summary>The machine stops; the database from before must not be used any more but may be disposed.</summary>
    public void Crash(CrashMode mode, int seed = 0) => Disk = Disk.Crash(mode, seed);

    /// <summary>Writes entries "k{i}" of so many bytes; the value begins with the number.</summary>
    public static void Put(Database database, int first, int count, int valueBytes = 300, string map = "m")
    {
        SortedMap target = database.GetMap(map);
        for (int i = first; i < first + count; i++) target.Put(KeyOf(i), ValueOf(i, valueBytes));
    }

    public static byte[] KeyOf(int number) => [.. "k"u8, .. BitConverter.GetBytes(number)];

    public static byte[] ValueOf(int number, int bytes)
    {
        byte[] value = new byte[bytes];
        new Random(number).NextBytes(value);
        BitConverter.TryWriteBytes(value, number);
        return value;
    }

    /// <summary>Everything there is behind a sequence.</summary>
    public static List<ChangeBatch> Read(Database database, ulong after = 0, ChangeFeedOptions? options = null)
    {
        options ??= new ChangeFeedOptions();
        options.StopsAtEnd = true;
        var batches = new List<ChangeBatch>();
        using ChangeReader reader = database.CreateChangeReader(after, options);
        while (reader.TryRead(out ChangeBatch? batch)) batches.Add(batch);
        return batches;
    }

    /// <summary>The feed consists of puts of these numbers, one a batch.</summary>
    public static void AssertNumbers(IReadOnlyList<ChangeBatch> batches, int first, int count, int valueBytes = 300)
    {
        Assert.Equal(count, batches.Count);
        for (int i = 0; i < count; i++)
        {
            Change change = Assert.Single(batches[i].Changes);
            Assert.Equal(ChangeKind.Put, change.Kind);
            Assert.Equal(KeyOf(first + i), change.Key.ToArray());
            Assert.True(change.Value.Span.SequenceEqual(ValueOf(first + i, valueBytes)), $"value {first + i} differs");
        }
    }
}
