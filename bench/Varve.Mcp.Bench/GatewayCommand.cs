using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Varve.Simulate.Gateway;
using Varve.Workloads.Measuring;

namespace Varve.Mcp.Bench;

/// <summary>
/// <c>gateway</c>: what a call costs through a gateway over the same call to its worker alone, and how throughput grows with workers.
/// </summary>
internal sealed class GatewayCommand(string program, TimeSpan warmup, TimeSpan duration, int runs, CancellationToken cancellation)
{
    private const int WaitMilliseconds = 20;
    private const int WorkMicroseconds = 2_000;
    private const int Callers = 32;

    private static readonly int[] s_workers = [1, 2, 4, 8];

    private readonly Figures _figures = new();

    public static Command Create()
    {
        var seconds = new Option<double>("--seconds") { Description = "How long each measurement takes.", DefaultValueFactory = _ => 3 };
        var warmup = new Option<double>("--warmup") { Description = "Seconds of calls before each.", DefaultValueFactory = _ => 5 };
        var runs = new Option<int>("--runs") { Description = "Times everything is measured; medians count.", DefaultValueFactory = _ => 3 };
        var results = new Option<string>("--results")
        {
            Description = "Where the report goes.",
            DefaultValueFactory = _ => "bench/results",
        };
        var program = new Option<string>("--program")
        {
            Description = "The varve-mcp whose gateway is measured.",
            DefaultValueFactory = _ => GatewayProcess.ProgramDefault,
        };
        var command = new Command("gateway", "A call through the gateway and without it, and calls a second with one worker and with more.")
        {
            seconds, warmup, runs, results, program,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            var measuring = new GatewayCommand(
                parsed.GetValue(program)!, TimeSpan.FromSeconds(parsed.GetValue(warmup)), TimeSpan.FromSeconds(parsed.GetValue(seconds)),
                parsed.GetValue(runs), cancellation);
            for (int run = 0; run < parsed.GetValue(runs); run++)
            {
                await measuring.MeasureOverheadAsync();
                foreach (int workers in s_workers) await measuring.MeasureThroughputAsync(workers);
            }
            string report = measuring.Report();
            Console.Write(report);
            Directory.CreateDirectory(parsed.GetValue(results)!);
            string name = DateTime.UtcNow.ToString("yyyy-MM-dd-HHmm", CultureInfo.InvariantCulture) + "-gateway.md";
            await File.WriteAllTextAsync(Path.Combine(parsed.GetValue(results)!, name), report, cancellation);
        });
        return command;
    }

    private async Task MeasureOverheadAsync()
    {
        Dictionary<string, object?> arguments = new() { ["text"] = "a" };
        var transport = new StdioClientTransport(new StdioClientTransportOptions
        {
            Command = Environment.ProcessPath!,
            Arguments = [BenchServer.CommandName, nameof(ServerKind.Plain), "stdio"],
        });
        await using (McpClient direct = await McpClient.CreateAsync(transport, cancellationToken: cancellation))
        {
            await MeasureAsync("direct", 1, async () =>
            {
                CallToolResult result = await direct.CallToolAsync(BenchTools.ReadName, arguments, cancellationToken: cancellation);
                if (result.IsError == true) throw new InvalidDataException("A call has failed.");
            });
        }

        await WithGatewayAsync(1, async gateway =>
        {
            await MeasureAsync("rest", 1, () => CallAsync(gateway, BenchTools.ReadName, new JsonObject { ["text"] = "a" }));
            await MeasureAsync("rest journaled", 1, () => CallAsync(gateway, BenchTools.NoteName, new JsonObject { ["text"] = "a" }));
            var options = new HttpClientTransportOptions { Endpoint = new Uri(gateway.Url, "/mcp") };
            await using var http = new HttpClientTransport(options, gateway.Http, loggerFactory: null, ownsHttpClient: false);
            await using McpClient client = await McpClient.CreateAsync(http, cancellationToken: cancellation);
            await MeasureAsync("mcp", 1, async () =>
            {
                CallToolResult result = await client.CallToolAsync(BenchTools.ReadName, arguments, cancellationToken: cancellation);
                if (result.IsError == true) throw new InvalidDataException("A call has failed.");
            });
        });
    }

    private Task MeasureThroughputAsync(int workers) => WithGatewayAsync(workers, async gateway =>
    {
        JsonObject wait = new() { ["milliseconds"] = WaitMilliseconds };
        JsonObject work = new() { ["microseconds"] = WorkMicroseconds };
        JsonObject read = new() { ["text"] = "a" };
        await MeasureAsync($"wait {workers}", Callers, () => CallAsync(gateway, BenchTools.WaitName, wait));
        await MeasureAsync($"work {workers}", Callers, () => CallAsync(gateway, BenchTools.WorkName, work));
        await MeasureAsync($"read {workers}", Callers, () => CallAsync(gateway, BenchTools.ReadName, read));
    });

    private async Task WithGatewayAsync(int workers, Func<GatewayProcess, Task> measure)
    {
        string directory = Directory.CreateTempSubdirectory("varve-gateway-bench-").FullName;
        try
        {
            // A worker takes one call at a time: so it is the workers' number that bounds what runs beside each other.
            string worker = $"{Environment.ProcessPath} {BenchServer.CommandName} {nameof(ServerKind.Plain)} stdio";
            string[] options = ["--worker", worker, "--worker-concurrency", "1", "--durability", "buffered"];
            await using GatewayProcess gateway =
                await GatewayProcess.StartAsync(program, Path.Combine(directory, "data"), workers, workers, options);
            await measure(gateway);
            await gateway.StopAsync();
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task CallAsync(GatewayProcess gateway, string tool, JsonObject arguments)
    {
        JsonObject body = new() { ["arguments"] = arguments.DeepClone() };
        using HttpResponseMessage response = await gateway.Http.PostAsJsonAsync(new Uri(gateway.Url, $"/tools/{tool}"), body);
        string answer = await response.Content.ReadAsStringAsync();
        if (!answer.Contains("success", StringComparison.Ordinal)) throw new InvalidDataException($"A call was answered by: {answer}");
    }

    private async Task MeasureAsync(string name, int callers, Func<Task> call)
    {
        await RunAsync(callers, warmup, call);
        long start = Stopwatch.GetTimestamp();
        LatencyHistogram times = await RunAsync(callers, duration, call);
        _figures.Add($"{name} rate", times.Count / Stopwatch.GetElapsedTime(start).TotalSeconds);
        _figures.Add($"{name} median", times.Percentile(0.5) * 1e6 / Stopwatch.Frequency);
        _figures.Add($"{name} p99", times.Percentile(0.99) * 1e6 / Stopwatch.Frequency);
    }

    private static async Task<LatencyHistogram> RunAsync(int callers, TimeSpan time, Func<Task> call)
    {
        long start = Stopwatch.GetTimestamp();
        LatencyHistogram[] parts = await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => CallerAsync()));
        var all = new LatencyHistogram();
        foreach (LatencyHistogram part in parts) all.Add(part);
        return all;

        async Task<LatencyHistogram> CallerAsync()
        {
            var times = new LatencyHistogram();
            while (Stopwatch.GetElapsedTime(start) < time)
            {
                long begun = Stopwatch.GetTimestamp();
                await call();
                times.Record(Stopwatch.GetTimestamp() - begun);
            }
            return times;
        }
    }

    private string Report()
    {
        var text = new StringBuilder();
        void Line(FormattableString line) => text.AppendLine(line.ToString(CultureInfo.InvariantCulture));
        Line($"# The gateway, {DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC");
        Line($"");
        Line($"{Machine.Describe()} Medians of {runs} runs.");
        Line($"Each runs for {duration.TotalSeconds:0.#} s, behind {warmup.TotalSeconds:0.#} s of warm-up.");
        Line($"");
        string times = string.Create(
            CultureInfo.InvariantCulture, $"--seconds {duration.TotalSeconds:0.#} --warmup {warmup.TotalSeconds:0.#} --runs {runs}");
        Line($"    dotnet run -c Release --project bench/Varve.Mcp.Bench -- gateway {times}");
        Line($"");
        Line($"## One call after the other, µs");
        Line($"");
        Line($"| way | median | p99 | over the direct call |");
        Line($"|---|---:|---:|---:|");
        double direct = _figures.Median("direct median");
        foreach ((string name, string said) in ((string, string)[])
            [
                ("direct", "the SDK's client and a worker over stdio"),
                ("rest", "POST /tools/{name}"),
                ("mcp", "/mcp, revision 2026-07-28"),
                ("rest journaled", "POST /tools/{name}, journaled (buffered)"),
            ])
        {
            double median = _figures.Median($"{name} median");
            Line($"| {said} | {median:N0} | {_figures.Median($"{name} p99"):N0} | {median - direct:N0} |");
        }
        Line($"");
        Line($"## {Callers} callers, one call at a time a worker, calls/s (p50 / p99 in ms)");
        Line($"");
        Line($"| workers | waits {WaitMilliseconds} ms | works {WorkMicroseconds / 1e3:0.#} ms | answers at once |");
        Line($"|---:|---:|---:|---:|");
        foreach (int workers in s_workers)
            Line($"| {workers} | {Cell($"wait {workers}")} | {Cell($"work {workers}")} | {Cell($"read {workers}")} |");
        return text.ToString();

        string Cell(string name) => string.Create(
            CultureInfo.InvariantCulture,
            $"{_figures.Median($"{name} rate"):N0} ("
            + $"{_figures.Median($"{name} median") / 1e3:0.0} / {_figures.Median($"{name} p99") / 1e3:0.0})");
    }
}
