using System.CommandLine;
using System.Globalization;

namespace Varve.Workloads.Soak;

/// <summary>The command of the long run under one steady load.</summary>
internal static class SoakCommand
{
    public static Command Create(Option<int> seed, Option<string> data, Option<string> results)
    {
        var minutes = new Option<double>("--minutes") { Description = "How long.", DefaultValueFactory = _ => 60 };
        var rate = new Option<int>("--rate") { Description = "Operations a second.", DefaultValueFactory = _ => 20_000 };
        var keys = new Option<int>("--keys") { Description = "Different keys.", DefaultValueFactory = _ => 500_000 };
        var budget = new Option<string>("--budget") { Description = "Memory budget.", DefaultValueFactory = _ => "64MiB" };
        var command = new Command(
            "soak", "Everyday load at a steady rate: memory, descriptors, files and latencies must not drift, every read must be right.")
        {
            minutes, rate, keys, budget, seed, data, results,
        };
        command.SetAction(parsed =>
        {
            string directory = Path.Combine(parsed.GetValue(data)!, "soak");
            var run = new SoakRun(
                directory, ByteSize.Parse(parsed.GetValue(budget)!), parsed.GetValue(keys), parsed.GetValue(rate),
                TimeSpan.FromMinutes(parsed.GetValue(minutes)), parsed.GetValue(seed));
            bool isSteady = run.Run();
            string report = Path.Combine(
                parsed.GetValue(results)!, DateTime.UtcNow.ToString("yyyy-MM-dd-HHmm", CultureInfo.InvariantCulture) + "-soak.txt");
            Directory.CreateDirectory(Path.GetDirectoryName(report)!);
            File.WriteAllText(report, run.ReportText);
            Console.WriteLine(report);
            Directory.Delete(directory, recursive: true);
            return isSteady ? 0 : 1;
        });
        return command;
    }
}
