using System.Text;
using Varve.Levels;
using Varve.Native;
using Varve.Tests.Api;

namespace Varve.Tests.Maintenance;

/// <summary>A simulated disk with a database of many small tables, a model of what it holds, and ways to look at both.</summary>
internal sealed class MaintenanceHouse
{
    public const string Directory = "/data";

    public MaintenanceHouse(SimulatedDisk? disk = null) => Disk = disk ?? new SimulatedDisk();

    public SimulatedDisk Disk { get; set; }

    /// <summary>Small enough for tables on several levels, large enough for many blocks in each.</summary>
    public OptionSet Options { get; init; } = OptionSet.Tiny with { TableBytes = 16 << 10, LevelZeroTrigger = 4 };

    public RegionPool Pool { get; } = new();

    /// <summary>What the maps "m" and "other" hold, by map and key.</summary>
    public SortedDictionary<string, string> Model { get; } = new(StringComparer.Ordinal);

    public Database Open(string directory = Directory, bool isReadOnly = false) =>
        Options.Open(Disk, Pool, isReadOnly, directory);

    public RepairReport Repair(bool isDryRun = false) =>
        DatabaseRepair.Run(Disk, new SeededRandom(7), Directory, new RepairOptions { DryRun = isDryRun });

    public DirectoryVerifyReport Verify(string directory = Directory) => DatabaseInspector.VerifyDirectory(Disk, directory);

    public void Put(Database database, string map, int key, string value)
    {
        database.GetMap(map).Put(Key(key), Encoding.UTF8.GetBytes(value));
        Model[Name(map, key)] = value;
    }

    public void Delete(Database database, string map, int key)
    {
        database.GetMap(map).Delete(Key(key));
        Model.Remove(Name(map, key));
    }

    /// <summary>Tables on several levels, range deletes, large and expiring values, and a log that holds the newest writes.</summary>
    public void Fill(bool closes = true)
    {
        using Database database = Open();
        for (int i = 0; i < 400; i++) Put(database, "m", i, $"first {i} {new string('x', 40)}");
        database.GetMap("m").Put("large"u8, new byte[40_000]);
        database.GetMap("m").Put("expiring"u8, new byte[30_000], TimeSpan.FromDays(10_000));
        for (int i = 0; i < 200; i++) Put(database, "other", i, $"other {i} {new string('y', 40)}");
        database.Compact();
        for (int i = 100; i < 200; i++) Put(database, "m", i, $"second {i} {new string('z', 40)}");
        database.GetMap("m").DeleteRange(Key(300), Key(320));
        for (int i = 300; i < 320; i++) Model.Remove(Name("m", i));
        for (int i = 0; i < 50; i += 5) Delete(database, "m", i);
        database.Flush();
        database.WaitForUpkeep();
        for (int i = 0; i < 20; i++) Put(database, "other", i, $"third {i}");
        if (closes) database.Close();
        else Disk = Disk.Crash(CrashMode.KeepAll);
    }

    /// <summary>What a database shows of the two maps.</summary>
    public static SortedDictionary<string, string> Read(Database database)
    {
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string map in database.ListMaps())
        {
            foreach (Entry entry in database.GetMap(map).All())
            {
                if (entry.Key.Length != sizeof(int)) continue;
                found[$"{map}:{Convert.ToHexString(entry.Key)}"] = Encoding.UTF8.GetString(entry.Value);
            }
        }

        return found;
    }

    /// <summary>Opens for reading and for writing, sound both times, and shows what the model says but what may be missing.</summary>
    public void AssertSound(Func<string, bool>? mayDiffer = null, string where = "")
    {
        DirectoryVerifyReport offline = Verify();
        Assert.True(offline.IsSound, where + string.Join('\n', offline.Problems));
        for (int round = 0; round < 2; round++)
        {
            using Database database = Open(isReadOnly: round == 0);
            SortedDictionary<string, string> found = Read(database);
            foreach ((string name, string value) in Model)
            {
                if (mayDiffer?.Invoke(name) == true) continue;
                Assert.True(found.TryGetValue(name, out string? actual), $"{where}: {name} is missing");
                Assert.Equal(value, actual);
            }

            foreach (string name in found.Keys)
                Assert.True(Model.ContainsKey(name) || mayDiffer?.Invoke(name) == true, $"{where}: {name} is there, which was deleted");
            VerifyReport online = database.Verify();
            Assert.True(online.IsSound, where + string.Join('\n', online.Damages.Select(damage => damage.Message)));
        }
    }

    public List<string> Files(string ending, string directory = "data") =>
        [.. Disk.ListAllFiles().Where(path => path.StartsWith(directory + "/", StringComparison.Ordinal)
            && path.LastIndexOf('/') == directory.Length
            && path.Contains(ending, StringComparison.Ordinal))];

    /// <summary>The table with the most entries.</summary>
    public string FullestTable()
    {
        LeveledTable fullest = Manifest.Load(Disk, Directory)!.Tables.MaxBy(table => table.Info.EntryCount);
        return "data/" + Varve.Files.FileNames.Table(fullest.Info.Number);
    }

    public static byte[] Key(int key)
    {
        byte[] bytes = BitConverter.GetBytes(key);
        Array.Reverse(bytes);
        return bytes;
    }

    public static string Name(string map, int key) => $"{map}:{Convert.ToHexString(Key(key))}";
}
