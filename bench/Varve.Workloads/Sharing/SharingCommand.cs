using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Varve.Sharing;
using Varve.Workloads.Measuring;

namespace Varve.Workloads.Sharing;

/// <summary><c>sharing</c>: what calls cost a process that has the database open, and one that uses it there.</summary>
internal static class SharingCommand
{
    private const string OwnerName = "sharing-owner";
    private const string Map = "m";
    private const int ValueBytes = 100;
    private const int Keys = 10_000;
    private const int WarmupCalls = 5_000;
    private const int ParallelCalls = 16;
    private const string Sockets = "sockets";
    private const string Data = "data";

    public static IEnumerable<Command> Create(Option<string> data, Option<string> results)
    {
        var num = new Option<int>("--num") { Description = "Calls of each kind.", DefaultValueFactory = _ => 50_000 };
        var command = new Command(
            "sharing", "Gets and puts of a process that shares a directory: as its owner, and as a peer of another one.")
        {
            num, data, results,
        };
        command.SetAction(async (parsed, _) =>
        {
            string directory = Path.Combine(parsed.GetValue(data)!, "sharing");
            if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
            var report = new StringBuilder("| calls | owner, median | p99 | peer, median | p99 | the peer's more |\n")
                .Append("|---|---:|---:|---:|---:|---:|\n");
            Result[] peer = await MeasurePeerAsync(directory, parsed.GetValue(num));
            Result[] owner = await MeasureAsync(directory, parsed.GetValue(num));
            foreach ((Result own, Result other) in owner.Zip(peer))
            {
                report.Append(CultureInfo.InvariantCulture, $"| {own.Name} | {own.Median:N1} µs | {own.Late:N1} µs ")
                    .AppendLine(CultureInfo.InvariantCulture,
                        $"| {other.Median:N1} µs | {other.Late:N1} µs | {other.Median - own.Median:N1} µs |");
            }

            Console.Write(report);
            string path = Path.Combine(
                parsed.GetValue(results)!, DateTime.UtcNow.ToString("yyyy-MM-dd-HHmm", CultureInfo.InvariantCulture) + "-sharing.md");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await File.WriteAllTextAsync(path, report.ToString());
            Directory.Delete(directory, recursive: true);
        });
        var place = new Argument<string>("directory");
        var owner = new Command(OwnerName, "The other process of sharing.") { place };
        owner.Hidden = true;
        owner.SetAction(async (parsed, cancellation) =>
        {
            await using SharedStore store = await SharedStore.OpenAsync(
                Path.Combine(parsed.GetValue(place)!, Data), OptionsOf(parsed.GetValue(place)!), cancellation);
            Console.WriteLine(store.Role);
            await Task.Delay(Timeout.Infinite, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        });
        return [command, owner];
    }

    private static async Task<Result[]> MeasurePeerAsync(string directory, int calls)
    {
        using Process owner = ChildProcess.Start([OwnerName, directory]);
        await owner.StandardOutput.ReadLineAsync();
        try
        {
            return await MeasureAsync(directory, calls);
        }
        finally
        {
            owner.Kill();
            await owner.WaitForExitAsync();
        }
    }

    private static async Task<Result[]> MeasureAsync(string directory, int calls)
    {
        await using SharedStore store = await SharedStore.OpenAsync(Path.Combine(directory, Data), OptionsOf(directory));
        byte[][] keys = [.. Enumerable.Range(0, Keys).Select(number => Encoding.ASCII.GetBytes($"key{number:d13}"))];
        byte[] value = new byte[ValueBytes];
        StoreBatch[] puts =
        [
            .. keys.Select(key => new StoreBatch { Operations = [StoreOperation.Put(Map, key, value)], Durability = Durability.Buffered }),
        ];
        foreach (StoreBatch put in puts) await store.WriteAsync(put);
        ValueTask GetAsync(int number) => Ignore(store.GetAsync(Map, keys[number % Keys]));
        ValueTask PutAsync(int number) => Ignore(store.WriteAsync(puts[number % Keys]));
        return
        [
            await TimeAsync("get", calls, 1, GetAsync),
            await TimeAsync("put, buffered", calls, 1, PutAsync),
            await TimeAsync($"get, {ParallelCalls} at a time", calls, ParallelCalls, GetAsync),
            await TimeAsync($"put, buffered, {ParallelCalls} at a time", calls, ParallelCalls, PutAsync),
        ];
    }

    private static async Task<Result> TimeAsync(string name, int calls, int parallel, Func<int, ValueTask> call)
    {
        for (int i = 0; i < WarmupCalls; i++) await call(i);
        var histogram = new LatencyHistogram();
        await Task.WhenAll(Enumerable.Range(0, parallel).Select(worker => Task.Run(async () =>
        {
            for (int i = worker; i < calls; i += parallel)
            {
                long started = Stopwatch.GetTimestamp();
                await call(i);
                long duration = Stopwatch.GetTimestamp() - started;
                lock (histogram) histogram.Record(duration);
            }
        })));
        double ticksPerMicrosecond = Stopwatch.Frequency / 1e6;
        return new Result(name, histogram.Percentile(0.5) / ticksPerMicrosecond, histogram.Percentile(0.99) / ticksPerMicrosecond);
    }

    private static async ValueTask Ignore<T>(ValueTask<T> call) => await call;

    private static SharedStoreOptions OptionsOf(string directory) => new() { SocketDirectory = Path.Combine(directory, Sockets) };

    private sealed record Result(string Name, double Median, double Late);
}
