using System.Diagnostics;
using System.Globalization;
using System.Text;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Varve.Workloads.Measuring;

namespace Varve.Mcp.Bench;

/// <summary>How much is measured.</summary>
internal sealed record ComparisonSettings(TimeSpan Warmup, TimeSpan Duration, int Runs, int Connections, string Results);

/// <summary>Measures each kind of server in turn, so that what the machine does meanwhile hits all alike, and reports medians.</summary>
internal sealed class Comparison(ComparisonSettings settings, CancellationToken cancellation)
{
    private static readonly (string Name, string Revision)[] s_eras = [("legacy", "2025-11-25"), ("modern", "2026-07-28")];

    /// <summary>Servers that are compared take turns so long each: what the machine does meanwhile hits all of them.</summary>
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(1);

    private readonly Figures _figures = new();

    public static async Task RunAsync(ComparisonSettings settings, string arguments, CancellationToken cancellation)
    {
        var comparison = new Comparison(settings, cancellation);
        for (int run = 1; run <= settings.Runs; run++)
        {
            Console.Error.WriteLine($"run {run} of {settings.Runs}");
            await comparison.MeasureHttpAsync();
            await comparison.MeasureStdioAsync();
        }

        string report = comparison.Report(arguments);
        Console.Write(report);
        Directory.CreateDirectory(settings.Results);
        string name = DateTime.UtcNow.ToString("yyyy-MM-dd-HHmm", CultureInfo.InvariantCulture) + "-mcp.md";
        await File.WriteAllTextAsync(Path.Combine(settings.Results, name), report, cancellation);
    }

    private async Task MeasureHttpAsync()
    {
        foreach ((string era, string _) in s_eras)
        {
            await using HttpServer hosted = await HttpServer.StartAsync(Start(ServerKind.Hosted, "http"), era == "modern", cancellation);
            await using HttpServer journaled =
                await HttpServer.StartAsync(Start(ServerKind.Journaled, "http"), era == "modern", cancellation);
            HttpServer[] servers = [hosted, journaled];
            foreach (HttpServer server in servers) await server.Load.ConnectAsync(settings.Connections, cancellation);
            await TakeTurnsAsync(servers, settings.Warmup);
            foreach (HttpServer server in servers) server.Forget();
            await TakeTurnsAsync(servers, settings.Duration);
            _figures.Add($"http {era} Hosted rate", hosted.PerSecond);
            _figures.Add($"http {era} Journaled rate", journaled.PerSecond);
            _figures.Add($"http {era} ratio", journaled.PerSecond / hosted.PerSecond);
            _figures.Add($"http {era} Hosted median", hosted.MedianMicroseconds);
            _figures.Add($"http {era} Journaled median", journaled.MedianMicroseconds);
        }
    }

    /// <summary>Calls each of them for a time.</summary>
    private async Task TakeTurnsAsync(HttpServer[] servers, TimeSpan duration)
    {
        for (TimeSpan done = TimeSpan.Zero; done < duration; done += Turn)
            foreach (HttpServer server in servers) await server.MeasureAsync(Turn, cancellation);
    }

    private async Task MeasureStdioAsync()
    {
        foreach ((string era, string revision) in s_eras)
        {
            foreach (ServerKind kind in Enum.GetValues<ServerKind>())
            {
                var transport = new StdioClientTransport(new StdioClientTransportOptions
                {
                    Command = Environment.ProcessPath!,
                    Arguments = [BenchServer.CommandName, kind.ToString(), "stdio"],
                });
                var options = new McpClientOptions { ProtocolVersion = revision };
                await using McpClient client = await McpClient.CreateAsync(transport, options, cancellationToken: cancellation);
                await CallAsync(client, settings.Warmup);
                LatencyHistogram times = await CallAsync(client, settings.Duration);
                _figures.Add($"stdio {era} {kind} median", times.Percentile(0.5) * 1e6 / Stopwatch.Frequency);
            }
        }
    }

    /// <summary>One call after the other.</summary>
    private async Task<LatencyHistogram> CallAsync(McpClient client, TimeSpan duration)
    {
        var times = new LatencyHistogram();
        long start = Stopwatch.GetTimestamp();
        var arguments = new Dictionary<string, object?> { ["text"] = "a" };
        while (Stopwatch.GetElapsedTime(start) < duration)
        {
            long begun = Stopwatch.GetTimestamp();
            CallToolResult result = await client.CallToolAsync(BenchTools.NoteName, arguments, cancellationToken: cancellation);
            times.Record(Stopwatch.GetTimestamp() - begun);
            if (result.IsError == true) throw new InvalidDataException("A call has failed.");
        }
        return times;
    }

    private static Process Start(ServerKind kind, string transport)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [BenchServer.CommandName, kind.ToString(), transport])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        return Process.Start(start) ?? throw new InvalidOperationException("The server did not start.");
    }

    private string Report(string arguments)
    {
        var text = new StringBuilder();
        void Line(FormattableString line) => text.AppendLine(line.ToString(CultureInfo.InvariantCulture));
        Line($"# Calls of tools, {DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC");
        Line($"");
        Line($"{Machine.Describe()} Medians of {settings.Runs} runs.");
        Line($"Each runs for {settings.Duration.TotalSeconds:0.#} s, behind {settings.Warmup.TotalSeconds:0.#} s of warm-up.");
        Line($"");
        Line($"    dotnet run -c Release --project bench/Varve.Mcp.Bench -- {arguments}");
        Line($"");
        Line($"## HTTP, {settings.Connections} connections");
        Line($"");
        Line($"| era | un-journaled, calls/s | journaled, calls/s | ratio | medians, µs |");
        Line($"|---|---:|---:|---:|---:|");
        foreach ((string era, string _) in s_eras)
        {
            double hosted = _figures.Median($"http {era} Hosted rate");
            double journaled = _figures.Median($"http {era} Journaled rate");
            string medians = string.Create(
                CultureInfo.InvariantCulture,
                $"{_figures.Median($"http {era} Hosted median"):N0} / {_figures.Median($"http {era} Journaled median"):N0}");
            Line($"| {era} | {hosted:N0} | {journaled:N0} | {_figures.Median($"http {era} ratio"):N2} | {medians} |");
        }
        Line($"");
        Line($"## stdio, one call after the other, medians in µs");
        Line($"");
        Line($"| era | plain SDK | hosted | journaled | hosted / SDK | journaled / SDK |");
        Line($"|---|---:|---:|---:|---:|---:|");
        foreach ((string era, string _) in s_eras)
        {
            double plain = _figures.Median($"stdio {era} Plain median");
            double hosted = _figures.Median($"stdio {era} Hosted median");
            double journaled = _figures.Median($"stdio {era} Journaled median");
            Line($"| {era} | {plain:N0} | {hosted:N0} | {journaled:N0} | {hosted / plain:N2} | {journaled / plain:N2} |");
        }
        return text.ToString();
    }
}
