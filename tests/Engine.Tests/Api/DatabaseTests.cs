using System.Text;

namespace Varve.Tests.Api;

public sealed class DatabaseTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("varve-test-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void What_was_put_is_there_after_reopening_in_both_directions()
    {
        const int Count = 20_000;
        var random = new Random(1);
        var expected = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var options = new DatabaseOptions { MemoryBudgetBytes = 8 << 20, Durability = Durability.Buffered };
        using (Database database = Database.Open(_directory, options))
        {
            SortedMap map = database.GetMap("words");
            for (int i = 0; i < Count; i++)
            {
                string key = $"key-{random.Next(5_000):D5}";
                string value = new('v', random.Next(400));
                map.Put(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value));
                expected[key] = value;
            }

            Check(map, expected);
            database.Close();
        }

        using (Database database = Database.Open(_directory, options))
        {
            Assert.Equal(["words"], database.ListMaps());
            Check(database.GetMap("words"), expected);
            database.Compact();
            Check(database.GetMap("words"), expected);
        }
    }

    private static void Check(SortedMap map, SortedDictionary<string, string> expected)
    {
        var seen = new List<(string, string)>();
        foreach (Entry entry in map.All()) seen.Add((Encoding.UTF8.GetString(entry.Key), Encoding.UTF8.GetString(entry.Value)));
        Assert.Equal(expected.Select(pair => (pair.Key, pair.Value)), seen);
        var backward = new List<(string, string)>();
        foreach (Entry entry in map.All(Direction.Descending))
            backward.Add((Encoding.UTF8.GetString(entry.Key), Encoding.UTF8.GetString(entry.Value)));
        backward.Reverse();
        Assert.Equal(seen, backward);
        foreach ((string key, string value) in expected)
            Assert.Equal(value, Encoding.UTF8.GetString(map.Get(Encoding.UTF8.GetBytes(key))!));
        Assert.Null(map.Get("key"u8));
    }
}
