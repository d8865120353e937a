using System.Diagnostics;
using System.Text.Json.Nodes;
using Varve.Mcp.Gateway.Tests.Pool;
using Varve.Mcp.Gateway.Tests.Tools;

namespace Varve.Mcp.Gateway.Tests.Durable;

/// <summary>The gateway itself is killed in the middle of a call, and started again on its directory.</summary>
[Collection(HeavyTests.Name)]
public sealed class GatewayDeathTests
{
    [Fact]
    public async Task A_call_that_was_under_way_is_finished_once_by_the_next_gateway_and_found_by_its_key()
    {
        string directory = Directory.CreateTempSubdirectory("varve-durable-").FullName;
        JsonObject arguments = new() { ["number"] = 1, ["point"] = "held between" };
        using (KilledGateway first = await KilledGateway.StartAsync(directory))
        {
            Task<JsonNode> call = first.Calls.CallWithKeyAsync("order", "k", arguments);
            await DurableGateway.UntilAsync(() => DurableGateway.EffectsIn(directory).Contains("held 1"));
            int[] workers = await first.ReadWorkersAsync();
            Assert.Equal(2, workers.Length);
            first.Kill();
            await Assert.ThrowsAnyAsync<Exception>(() => call);

            // With it end its workers and all that they have started.
            await Processes.GoneAsync(workers);
        }

        await File.WriteAllTextAsync(World.GateOf(directory), "");
        using (KilledGateway second = await KilledGateway.StartAsync(directory))
        {
            // Not by this request: the call goes on at the start, and whoever comes with the key joins it.
            await DurableGateway.UntilAsync(() => DurableGateway.EffectsIn(directory).Contains("ship 1"));
            JsonNode answer = await second.Calls.CallWithKeyAsync("order", "k", arguments);
            Assert.Equal("ordered 1 for me", RawCalls.TextOf(answer));
            Assert.True((bool?)answer["result"]!["_meta"]!["io.varve/replayed"]);
            string[] effects = DurableGateway.EffectsIn(directory);
            Assert.Equal((1, 1), (effects.Count(line => line == "charge 1"), effects.Count(line => line == "ship 1")));
            int[] workers = await second.ReadWorkersAsync();
            second.Kill();
            await Processes.GoneAsync(workers);
        }

        Directory.Delete(directory, recursive: true);
    }

    /// <summary>A gateway that is a process, and may be killed.</summary>
    private sealed class KilledGateway : IDisposable
    {
        private readonly Process _process;
        private readonly HttpClient _http;

        private KilledGateway(Process process, Uri url)
        {
            _process = process;
            Calls = new RawCalls(new Uri(url, "/mcp"), DurableProgram.Key);
            _http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = url };
            _http.DefaultRequestHeaders.Add("X-API-Key", DurableProgram.Key);
        }

        public RawCalls Calls { get; }

        public static async Task<KilledGateway> StartAsync(string directory)
        {
            ProcessStartInfo start = new("dotnet", [typeof(DurableProgram).Assembly.Location, DurableProgram.GatewayMode, directory])
            {
                RedirectStandardOutput = true,
            };
            Process process = Process.Start(start)!;
            string url = (await process.StandardOutput.ReadLineAsync().WaitAsync(DurableGateway.Patience))!;
            var gateway = new KilledGateway(process, new Uri(url));
            using CancellationTokenSource limit = new(DurableGateway.Patience);
            while ((await gateway.ReadReadyAsync(limit.Token)) < 2) await Task.Delay(20, limit.Token);
            return gateway;
        }

        public async Task<int[]> ReadWorkersAsync() =>
            [.. (await ReadStatsAsync(CancellationToken.None))["workers"]!.AsArray().Select(worker => (int?)worker!["pid"]).OfType<int>()];

        public void Kill() => _process.Kill();

        public void Dispose()
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
            Calls.Dispose();
            _http.Dispose();
        }

        private async Task<int> ReadReadyAsync(CancellationToken cancellation) =>
            (await ReadStatsAsync(cancellation))["workers"]!.AsArray().Count(worker => (string?)worker!["state"] == "ready");

        private async Task<JsonNode> ReadStatsAsync(CancellationToken cancellation) =>
            JsonNode.Parse(await _http.GetStringAsync("/stats", cancellation))!;
    }
}
