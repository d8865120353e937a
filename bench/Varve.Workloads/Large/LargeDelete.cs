using System.CommandLine;
using System.Diagnostics;
using System.Globalization;

namespace Varve.Workloads.Large;

/// <summary>How long the delete of one large range takes, and what gets of other keys cost before and right after it.</summary>
internal sealed class LargeDelete(Database database, KeySpace keys, long deletedCount)
{
    private const int Rounds = 5;
    private const int GetsOfRound = 200_000;
    private const int BatchEntries = 1_000;
    private const int WarmupDeletes = 100;

    private readonly SortedMap _map = database.GetMap("m");
    private readonly byte[] _key = new byte[KeySpace.KeyBytes];
    private readonly byte[] _value = new byte[keys.ValueBytes];
    private readonly Random _random = new(1);

    public static Command CreateCommand(Option<string> data, Option<string> results, Option<string> budget)
    {
        var range = new Option<long>("--range") { Description = "Keys in the range.", DefaultValueFactory = _ => 1_000_000 };
        var command = new Command("largedelete", "The delete of a range of a million keys out of two million, and gets of the others.")
        {
            range, data, results, budget,
        };
        command.SetAction(parsed =>
        {
            string directory = Path.Combine(parsed.GetValue(data)!, "largedelete");
            if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
            var options = new DatabaseOptions
            {
                MemoryBudgetBytes = ByteSize.Parse(parsed.GetValue(budget)!),
                Durability = Durability.Buffered,
            };
            long count = parsed.GetValue(range);
            string report;
            using (Database database = Database.Open(directory, options))
                report = new LargeDelete(database, new KeySpace(2 * count, valueBytes: 100, seed: 1), count).Run();
            Console.WriteLine(report);
            string path = Path.Combine(
                parsed.GetValue(results)!, DateTime.UtcNow.ToString("yyyy-MM-dd-HHmm", CultureInfo.InvariantCulture) + "-largedelete.txt");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, report + "\n");
            Directory.Delete(directory, recursive: true);
        });
        return command;
    }

    public string Run()
    {
        Fill();
        WarmUp();
        double[] before = MeasureRounds();
        long started = Stopwatch.GetTimestamp();
        DeleteRange();
        double milliseconds = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        double[] after = MeasureRounds();
        double ratio = Median(after) / Median(before);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{deletedCount:N0} of {keys.Count:N0} keys deleted by one call: {milliseconds:N3} ms\n"
            + $"gets of the others before: {Median(before):N0} a second ({before.Min():N0} to {before.Max():N0})\n"
            + $"gets of the others after:  {Median(after):N0} a second ({after.Min():N0} to {after.Max():N0}), {ratio:N2} of before");
    }

    private void Fill()
    {
        using WriteBatch batch = database.CreateBatch();
        for (long place = 0; place < keys.Count; place++)
        {
            long number = keys.Shuffled(place);
            KeySpace.WriteKey(_key, number);
            keys.WriteValue(_value, number);
            batch.Put(_map, _key, _value);
            if ((place + 1) % BatchEntries != 0 && place + 1 < keys.Count) continue;
            database.Write(batch);
            batch.Clear();
        }

        database.WaitForUpkeep();
    }

    /// <summary>Code is compiled by the first calls.</summary>
    private void WarmUp()
    {
        SortedMap other = database.GetMap("other");
        for (int i = 0; i < WarmupDeletes; i++) other.DeleteRange("a"u8, "b"u8);
        Gets();
    }

    private void DeleteRange()
    {
        byte[] end = new byte[KeySpace.KeyBytes];
        KeySpace.WriteKey(_key, 0);
        KeySpace.WriteKey(end, deletedCount);
        _map.DeleteRange(_key, end);
    }

    private double[] MeasureRounds() => [.. Enumerable.Range(0, Rounds).Select(_ => Gets())];

    /// <summary>Gets a second, of keys outside of the range.</summary>
    private double Gets()
    {
        long started = Stopwatch.GetTimestamp();
        for (int i = 0; i < GetsOfRound; i++)
        {
            long number = _random.NextInt64(deletedCount, keys.Count);
            KeySpace.WriteKey(_key, number);
            if (!_map.TryGet(_key, _value, out _) || KeySpace.NumberOf(_value) != number)
                throw new InvalidDataException($"Key {number} is not what was put.");
        }

        return GetsOfRound / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static double Median(double[] rates) => rates.Order().ElementAt(rates.Length / 2);
}
