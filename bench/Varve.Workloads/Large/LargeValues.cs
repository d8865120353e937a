using System.CommandLine;
using System.Globalization;
using Varve.Workloads.Bulk;

namespace Varve.Workloads.Large;

/// <summary>
/// The most memory that the largest values and batches take: resident bytes of this process, native and managed, above what it had before
/// the step, the caller's own buffers already touched. Each step runs on a database of its own, just opened.
/// </summary>
internal static class LargeValues
{
    private const int ValueBytes = 64 << 20;
    private const int SmallValueBytes = 100_000;

    private static readonly (string Name, Action<Database> Prepare, Action<Database, byte[], byte[]> Run)[] s_steps =
    [
        ("put of 64 MiB, known map", Prepare, (database, value, _) => database.GetMap("m").Put("k"u8, value)),
        ("put of 64 MiB, first of its map", _ => { }, (database, value, _) => database.GetMap("m").Put("k"u8, value)),
        ("put of 64 MiB and its flush", Prepare, (database, value, _) =>
        {
            database.GetMap("m").Put("k"u8, value);
            database.Flush();
        }),
        ("get of 64 MiB into a span", PrepareLarge, (database, _, destination) =>
            database.GetMap("m").TryGet("k"u8, destination, out int _)),
        ("get of 64 MiB as an array", PrepareLarge, (database, _, _) => database.GetMap("m").Get("k"u8)),
        ("compaction of 64 MiB", PrepareLarge, (database, _, _) => database.Compact()),
        ("batch of 96 MB in values of 100 kB, known map", Prepare, (database, value, _) => WriteBatch(database, value)),
    ];

    public static Command CreateCommand(Option<string> data)
    {
        var step = new Option<int>("--step") { Description = "One of them, in this process.", DefaultValueFactory = _ => -1 };
        var command = new Command("largevalues", "Peak memory of a put and get of 64 MiB and of a batch of 96 MB, each in a fresh process.")
        {
            data, step,
        };
        command.SetAction(parsed =>
        {
            string parent = parsed.GetValue(data)!;
            int chosen = parsed.GetValue(step);
            if (chosen >= 0)
            {
                RunStep(Path.Combine(parent, "large"), chosen);
                return 0;
            }

            for (int i = 0; i < s_steps.Length; i++)
                Console.WriteLine(ChildProcess.Run(["largevalues", "--data", parent, "--step", i.ToString(CultureInfo.InvariantCulture)]));
            return 0;
        });
        return command;
    }

    private static void PrepareLarge(Database database)
    {
        byte[] value = new byte[ValueBytes];
        new Random(1).NextBytes(value);
        database.GetMap("m").Put("k"u8, value);
        database.Flush();
    }

    private static void Prepare(Database database) => database.GetMap("m").Put("first"u8, "v"u8);

    private static void WriteBatch(Database database, byte[] source)
    {
        SortedMap map = database.GetMap("m");
        using WriteBatch batch = database.CreateBatch();
        byte[] key = new byte[4];
        for (int i = 0; i < 960; i++)
        {
            BitConverter.TryWriteBytes(key, i);
            batch.Put(map, key, source.AsSpan(i * 1000, SmallValueBytes));
        }

        database.Write(batch);
    }

    private static void RunStep(string directory, int number)
    {
        (string name, Action<Database> prepare, Action<Database, byte[], byte[]> run) = s_steps[number];
        if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        var options = new DatabaseOptions { MemoryBudgetBytes = 512L << 20 };
        using (Database prepared = Database.Open(directory, options)) prepare(prepared);
        byte[] value = new byte[ValueBytes];
        byte[] destination = new byte[ValueBytes];
        new Random(1).NextBytes(value);
        new Random(2).NextBytes(destination);
        using Database database = Database.Open(directory, options);
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        database.Trim();
        var gauge = new MemoryGauge();
        long managedBefore = GC.GetTotalAllocatedBytes(precise: true);
        run(database, value, destination);
        long peakBytes = gauge.PeakAboveBytes;
        long managedBytes = GC.GetTotalAllocatedBytes(precise: true) - managedBefore;
        GC.KeepAlive(value);
        GC.KeepAlive(destination);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name,-48} peak {ByteSize.Mebibytes(peakBytes),8}, allocated on the managed heap {ByteSize.Mebibytes(managedBytes),8}"));
    }
}
