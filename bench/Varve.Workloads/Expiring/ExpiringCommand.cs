using System.CommandLine;
using System.Globalization;

namespace Varve.Workloads.Expiring;

/// <summary>The command of the run with entries that expire.</summary>
internal static class ExpiringCommand
{
    public static Command Create(Option<long> number, Option<string> budget, Option<int> seed, Option<string> data, Option<string> results)
    {
        var lives = new Option<int>("--lives")
        {
            Description = "How long to write, in lives of an entry (an hour each, on the run's clock); at least 3.",
            DefaultValueFactory = _ => 6,
        };
        var rate = new Option<int>("--rate") { Description = "Puts a second of real time.", DefaultValueFactory = _ => 20_000 };
        var inOrder = new Option<bool>("--in-order") { Description = "Keys in the order of time instead of at random." };
        var command = new Command("expiring", "Entries that expire under a steady load of writes: disk space and memory over time.")
        {
            number, budget, seed, data, results, lives, rate, inOrder,
        };
        command.SetAction(parsed =>
        {
            var load = new ExpiringLoad(
                parsed.GetValue(number), parsed.GetValue(lives), parsed.GetValue(rate), parsed.GetValue(inOrder), parsed.GetValue(seed));
            string directory = Path.Combine(parsed.GetValue(data)!, "expiring");
            var run = new ExpiringRun(directory, load, ByteSize.Parse(parsed.GetValue(budget)!));
            bool passed = run.Run();
            string order = load.InOrder ? "-expiring-in-order.txt" : "-expiring.txt";
            string report = Path.Combine(
                parsed.GetValue(results)!, DateTime.UtcNow.ToString("yyyy-MM-dd-HHmm", CultureInfo.InvariantCulture) + order);
            Directory.CreateDirectory(Path.GetDirectoryName(report)!);
            File.WriteAllText(report, run.ReportText);
            Console.WriteLine(report);
            Directory.Delete(directory, recursive: true);
            return passed ? 0 : 1;
        });
        return command;
    }
}
