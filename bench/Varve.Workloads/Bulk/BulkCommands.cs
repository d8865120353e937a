using System.CommandLine;
using System.Globalization;

namespace Varve.Workloads.Bulk;

/// <summary>The commands of the bulk run: the parent's, and those of its children.</summary>
internal static class BulkCommands
{
    public static IEnumerable<Command> Create(
        Option<long> number, Option<string> budget, Option<int> seed, Option<string> data, Option<string> results)
    {
        var kills = new Option<int>("--kills") { Description = "Times the loading child is killed.", DefaultValueFactory = _ => 6 };
        var bulk = new Command(
            "bulk", "Loads at random into a small budget, with kills; checks everything acknowledged and the bound of memory.")
        {
            number, budget, seed, data, results, kills,
        };
        bulk.SetAction(parsed =>
        {
            string directory = Path.Combine(parsed.GetValue(data)!, "bulk");
            var job = new BulkJob(
                directory, directory + ".acks", parsed.GetValue(number), ByteSize.Parse(parsed.GetValue(budget)!), parsed.GetValue(seed));
            var run = new BulkRun(job, parsed.GetValue(kills));
            bool passed = run.Run();
            string report = Path.Combine(
                parsed.GetValue(results)!, DateTime.UtcNow.ToString("yyyy-MM-dd-HHmm", CultureInfo.InvariantCulture) + "-bulk.txt");
            Directory.CreateDirectory(Path.GetDirectoryName(report)!);
            File.WriteAllText(report, run.ReportText);
            Console.WriteLine(report);
            if (passed) Directory.Delete(directory, recursive: true);
            return passed ? 0 : 1;
        });
        yield return bulk;

        var directoryOption = new Option<string>("--directory") { Required = true };
        var acks = new Option<string>("--acks") { Required = true };
        yield return CreateChild("bulk-load", "The child that loads.", BulkLoader.Run);
        yield return CreateChild("bulk-check", "The child that checks.", BulkChecker.Run);

        Command CreateChild(string name, string description, Func<BulkJob, int> action)
        {
            var child = new Command(name, description) { directoryOption, acks, number, budget, seed };
            child.SetAction(parsed => action(new BulkJob(
                parsed.GetValue(directoryOption)!, parsed.GetValue(acks)!, parsed.GetValue(number),
                ByteSize.Parse(parsed.GetValue(budget)!), parsed.GetValue(seed))));
            return child;
        }
    }
}
