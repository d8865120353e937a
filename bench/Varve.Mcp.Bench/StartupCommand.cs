using System.CommandLine;
using System.Diagnostics;
using System.Globalization;

namespace Varve.Mcp.Bench;

/// <summary><c>startup</c>: how long a client that starts <c>varve-mcp</c> waits for its first answer.</summary>
internal static class StartupCommand
{
    /// <summary>The first message of a client that has sessions; the other kind sends no more.</summary>
    private const string Initialize = """
        {"jsonrpc":"2.0","id":1,"method":"initialize",
        "params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"startup","version":"1"}}}
        """;

    private static readonly TimeSpan AnswerMax = TimeSpan.FromMinutes(1);

    public static Command Create()
    {
        var data = new Option<string>("--data")
        {
            Description = "Where the directories go.",
            DefaultValueFactory = _ => Path.Combine(Path.GetTempPath(), "varve-mcp-bench"),
        };
        var program = new Argument<string>("program")
        {
            Description = "What is started: varve-mcp, as it was built, published or installed.",
            DefaultValueFactory = _ => Path.Combine("tools", "Varve.Mcp.Cli", "bin", "Release", "net10.0", "varve-mcp"),
        };
        var runs = new Option<int>("--runs") { Description = "How often, each way.", DefaultValueFactory = _ => 20 };
        var command = new Command(
            "startup", "The time from the start of varve-mcp to its answer to initialize, over standard input and output.")
        {
            program, runs, data,
        };
        command.SetAction(parsed =>
        {
            string directory = Path.Combine(parsed.GetValue(data)!, "startup");
            string path = Path.GetFullPath(parsed.GetValue(program)!);
            Run(path, directory);
            Console.WriteLine("from the start to the first answer, ms: median, lowest, highest; processor time until then: median");
            Report("a new directory", parsed.GetValue(runs), () =>
            {
                if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
                return Run(path, directory);
            });
            Report("a directory in use", parsed.GetValue(runs), () => Run(path, directory));
            Directory.Delete(directory, recursive: true);
        });
        return command;
    }

    private static void Report(string what, int runs, Func<(TimeSpan Elapsed, TimeSpan Processor)> run)
    {
        (TimeSpan Elapsed, TimeSpan Processor)[] measured = [.. Enumerable.Range(0, runs).Select(_ => run())];
        double[] times = [.. measured.Select(one => one.Elapsed.TotalMilliseconds).Order()];
        double[] processor = [.. measured.Select(one => one.Processor.TotalMilliseconds).Order()];
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{what + ":",-20} {Median(times),6:0} {times[0],6:0} {times[^1],6:0}   {Median(processor),6:0}   ({runs} runs)"));
    }

    private static double Median(double[] sorted) => (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;

    /// <summary>Starts it, asks, and lets it end as a client that leaves does.</summary>
    private static (TimeSpan Elapsed, TimeSpan Processor) Run(string program, string directory)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        foreach (string argument in new[] { "serve", "--data", directory }) start.ArgumentList.Add(argument);
        long began = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        using var timer = new Timer(_ => process.Kill(entireProcessTree: true), null, AnswerMax, Timeout.InfiniteTimeSpan);
        process.StandardInput.WriteLine(Initialize.ReplaceLineEndings(""));
        process.StandardInput.Flush();
        string? answer = process.StandardOutput.ReadLine();
        TimeSpan elapsed = Stopwatch.GetElapsedTime(began);
        TimeSpan processor = answer is null ? TimeSpan.Zero : process.TotalProcessorTime;
        process.StandardInput.Close();
        process.WaitForExit();
        if (answer is null || !answer.Contains("\"serverInfo\"", StringComparison.Ordinal) || process.ExitCode != 0)
            throw new InvalidOperationException($"{program} ended with {process.ExitCode}; it answered: {answer}");
        return (elapsed, processor);
    }
}
