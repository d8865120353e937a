using System.CommandLine;
using System.Diagnostics;
using System.Globalization;

namespace Varve.Simulate.Gateway;

/// <summary>
/// A gateway whose workers are killed under load: every answer is right, or a clear 502, 503 or 504; nothing that was acknowledged is
/// lost, nothing that was called with a key happens twice, and no process is left behind.
/// </summary>
internal static class ChaosCommand
{
    private static readonly TimeSpan LeftBehindMax = TimeSpan.FromSeconds(10);

    public static Command Create()
    {
        var seed = new Option<int>("--seed") { Description = "Of what clients do and who is killed.", DefaultValueFactory = _ => 1 };
        var seconds = new Option<double>("--seconds") { Description = "How long.", DefaultValueFactory = _ => 120 };
        var clients = new Option<int>("--clients") { Description = "Callers at a time.", DefaultValueFactory = _ => 16 };
        var interval = new Option<double>("--kill-seconds")
        {
            Description = "Between two kills of a worker; 0: none is killed.",
            DefaultValueFactory = _ => 1,
        };
        var program = new Option<string>("--program")
        {
            Description = "The varve-mcp that is tested.",
            DefaultValueFactory = _ => GatewayProcess.ProgramDefault,
        };
        var command = new Command("gateway", "A gateway whose workers are killed under load: right answers or clear errors, and no orphan.")
        {
            seed, seconds, clients, interval, program,
        };
        command.SetAction(async (parsed, _) =>
        {
            string directory = Directory.CreateTempSubdirectory("varve-gateway-").FullName;
            TimeSpan time = TimeSpan.FromSeconds(parsed.GetValue(seconds));
            TimeSpan between = TimeSpan.FromSeconds(parsed.GetValue(interval));
            bool isSound = await RunAsync(
                parsed.GetValue(program)!, directory, parsed.GetValue(seed), time, parsed.GetValue(clients), between);
            if (isSound) Directory.Delete(directory, recursive: true);
            else Console.WriteLine($"Left as it is: {directory}; seed {parsed.GetValue(seed)}");
            return isSound ? 0 : 1;
        });
        return command;
    }

    private static async Task<bool> RunAsync(
        string program, string directory, int seed, TimeSpan time, int clients, TimeSpan between)
    {
        try
        {
            await using GatewayProcess gateway =
                await GatewayProcess.StartAsync(program, Path.Combine(directory, "data"), workersMin: 2, workersMax: 4);
            using CancellationTokenSource end = new();
            ChaosClient[] callers = [.. Enumerable.Range(0, clients).Select(number => new ChaosClient(gateway, number, seed))];
            Task[] running = [.. callers.Select(caller => Task.Run(() => caller.RunAsync(end.Token)))];
            Task<int> killing = KillAsync(gateway, new Random(seed), between, end.Token);
            end.CancelAfter(time);
            await Task.WhenAll(running);
            int kills = await killing;

            foreach (ChaosClient caller in callers) await caller.JudgeAsync();
            int made = JudgeJourneys(callers);
            await gateway.StopAsync();
            await RequireNobodyLeftAsync(gateway);
            Print(time, kills, made, callers);
            return true;
        }
        catch (Exception failure) when (failure is InvalidDataException or HttpRequestException or TimeoutException)
        {
            Console.WriteLine(failure.ToString());
            return false;
        }
    }

    private static async Task<int> KillAsync(GatewayProcess gateway, Random random, TimeSpan between, CancellationToken end)
    {
        int kills = 0;
        if (between == TimeSpan.Zero) return kills;
        while (!end.IsCancellationRequested)
        {
            await Task.Delay(between, end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            int[] workers = await gateway.ListWorkersAsync();
            if (workers.Length == 0 || end.IsCancellationRequested) continue;
            try
            {
                using Process victim = Process.GetProcessById(workers[random.Next(workers.Length)]);
                victim.Kill();
                kills++;
            }
            catch (ArgumentException)
            {
                // It has just ended by an earlier kill.
            }
        }
        return kills;
    }

    /// <summary>
    /// Journeys are numbered from 1 by the server; each create had a key and was called until it was answered. So the numbers that were
    /// answered are all there are: one that is missing was made by a call that happened twice.
    /// </summary>
    private static int JudgeJourneys(ChaosClient[] callers)
    {
        int[] numbers = [.. callers.SelectMany(caller => caller.Journeys).Order()];
        for (int i = 0; i < numbers.Length; i++)
        {
            if (numbers[i] != i + 1)
                throw new InvalidDataException($"Journey {i + 1} of {numbers.Length}: the next number that was answered is {numbers[i]}.");
        }
        return numbers.Length;
    }

    private static async Task RequireNobodyLeftAsync(GatewayProcess gateway)
    {
        long begun = Stopwatch.GetTimestamp();
        while (gateway.FindProcesses() is { Count: > 0 } left)
        {
            if (Stopwatch.GetElapsedTime(begun) > LeftBehindMax)
                throw new InvalidDataException($"Left behind: {string.Join(", ", left)}.");
            await Task.Delay(50);
        }
    }

    private static void Print(TimeSpan time, int kills, int made, ChaosClient[] callers)
    {
        long[] times = [.. callers.SelectMany(caller => caller.Times).Order()];
        string At(double part) => times.Length == 0
            ? "-"
            : (times[(int)(part * (times.Length - 1))] * 1e3 / Stopwatch.Frequency).ToString("0.0", CultureInfo.InvariantCulture);
        long Sum(Func<ChaosClient, long> figure) => callers.Sum(figure);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"gateway: {time.TotalSeconds:N0} s, {callers.Length} clients, {kills:N0} workers killed, {times.Length:N0} calls answered "
            + $"(p50 {At(0.5)} ms, p99 {At(0.99)} ms), {Sum(caller => caller.Written):N0} writes acknowledged, "
            + $"{made:N0} journeys made once, {Sum(caller => caller.Lost):N0} 502, {Sum(caller => caller.Refused):N0} 503, "
            + $"{Sum(caller => caller.Late):N0} 504, 0 wrong answers, 0 left behind"));
    }
}
