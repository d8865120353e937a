using System.CommandLine;
using System.Globalization;
using System.Text;

namespace Varve.Workloads.Sweep;

/// <summary><c>sweep</c>: Varve alone, one setting after another; a table on the screen and in the results.</summary>
internal static class SweepCommand
{
    public static Command Create(Option<string> data, Option<string> results, Option<string> budget)
    {
        var kinds = new Argument<string[]>("kinds")
        {
            Description = $"What changes: {string.Join(", ", SweepRun.Kinds.Keys)}. All where none is named.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        kinds.AcceptOnlyFromAmong([.. SweepRun.Kinds.Keys]);
        var num = new Option<long>("--num") { Description = "Entries; of values' lengths: 256 MiB.", DefaultValueFactory = _ => 1_000_000 };
        var command = new Command(
            "sweep", "Varve alone, while one thing changes: length of values, bytes of a batch, threads, maps, open snapshots.")
        {
            kinds, num, data, results, budget,
        };
        command.SetAction(parsed =>
        {
            string directory = Path.Combine(parsed.GetValue(data)!, "sweep");
            var run = new SweepRun(directory, ByteSize.Parse(parsed.GetValue(budget)!), parsed.GetValue(num));
            string[] wanted = parsed.GetValue(kinds) is { Length: > 0 } named ? named : [.. SweepRun.Kinds.Keys];
            run.WarmUp();
            var report = new StringBuilder();
            void Write(string line)
            {
                Console.WriteLine(line);
                report.Append(line).Append('\n');
            }

            Write(string.Create(CultureInfo.InvariantCulture, $"# Sweep, {DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC\n"));
            string arguments = string.Join(' ', Environment.GetCommandLineArgs()[1..]);
            Write($"    dotnet run -c Release --project bench/Varve.Workloads -- {arguments}");
            Write("\nThousands of entries a second: put at random, buffered; got at random, upkeep done; walked over.");
            foreach (string kind in wanted)
            {
                Write($"\n| {kind} | puts | gets | walk |\n|---|---:|---:|---:|");
                foreach (SweepRow row in SweepRun.Kinds[kind](run))
                {
                    Write(string.Create(
                        CultureInfo.InvariantCulture,
                        $"| {row.Setting} | {row.Puts / 1e3:N0} | {row.Gets / 1e3:N0} | {row.Walk / 1e3:N0} |"));
                }
            }

            string path = Path.Combine(
                parsed.GetValue(results)!, DateTime.UtcNow.ToString("yyyy-MM-dd-HHmm", CultureInfo.InvariantCulture) + "-sweep.md");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, report.ToString());
            Directory.Delete(directory, recursive: true);
        });
        return command;
    }
}
