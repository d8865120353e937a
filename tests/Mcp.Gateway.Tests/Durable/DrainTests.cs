using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Varve.Mcp.Cli.Commands;
using Varve.Mcp.Gateway.Pool;

namespace Varve.Mcp.Gateway.Tests.Durable;

/// <summary>The gateway is told to stop while calls are under way that do not end in time.</summary>
public sealed class DrainTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("varve-drain-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Calls_are_finished_by_the_next_gateway_also_those_that_no_worker_had_got()
    {
        string accepted;
        await using (WebApplication first = await StartAsync())
        {
            using HttpClient http = NewClient(first);
            Task<HttpResponseMessage> running = PostAsync(http, "order", 1, "held between", "k-1");
            await DurableGateway.UntilAsync(() => DurableGateway.EffectsIn(_directory).Contains("held 1"));
            Task<HttpResponseMessage> waiting = PostAsync(http, "order", 2, "", "k-2");
            Task<HttpResponseMessage> forgotten = PostAsync(http, "order", 3, "", key: null);
            using HttpResponseMessage async = await PostAsync(http, "order", 4, "", key: null, isAsync: true);
            accepted = async.Headers.Location!.ToString();
            IWorkerPool pool = first.Services.GetRequiredService<IWorkerPool>();
            await DurableGateway.UntilAsync(() => pool.Status.Queued == 3);
            await first.StopAsync();
            foreach (Task<HttpResponseMessage> call in (Task<HttpResponseMessage>[])[running, waiting, forgotten])
            {
                using HttpResponseMessage answer = await call;
                Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
            }
        }

        await File.WriteAllTextAsync(World.GateOf(_directory), "");
        await using (WebApplication second = await StartAsync())
        {
            await DurableGateway.UntilAsync(() => DurableGateway.EffectsIn(_directory).Contains("ship 3"));
            using HttpClient http = NewClient(second);
            foreach (int number in (int[])[1, 2])
            {
                using HttpResponseMessage answer = await PostAsync(http, "order", number, number == 1 ? "held between" : "", $"k-{number}");
                JsonNode body = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
                Assert.Equal(("success", $"ordered {number} for me"), ((string?)body["status"], (string?)body["data"]));
            }
            string[] states = ["completed", "cancelled", "stopped", "dead"];
            string? state = null;
            using CancellationTokenSource limit = new(DurableGateway.Patience);
            while (!states.Contains(state))
            {
                await Task.Delay(10, limit.Token);
                state = (string?)JsonNode.Parse(await http.GetStringAsync(accepted, limit.Token))!["state"];
            }
            Assert.Equal("completed", state);
            await second.StopAsync();
        }

        // Each once, also the one that has nobody who could ask for its result.
        IEnumerable<string> effects =
            DurableGateway.EffectsIn(_directory).Where(line => !line.StartsWith("held", StringComparison.Ordinal)).Order();
        Assert.Equal(["charge 1", "charge 2", "charge 3", "charge 4", "ship 1", "ship 2", "ship 3", "ship 4"], effects);
    }

    private async Task<WebApplication> StartAsync()
    {
        GatewaySettings settings = DurableProgram.SettingsOf(_directory);
        WebApplication app = GatewayHost.Build(settings with
        {
            Configure = options =>
            {
                settings.Configure(options);
                (options.WorkersMin, options.WorkersMax, options.WorkerConcurrency) = (1, 1, 1);
                options.DrainTimeout = TimeSpan.FromMilliseconds(500);
            },
        });
        await app.StartAsync();
        await app.Services.GetRequiredService<IWorkerPool>().Ready.WaitAsync(DurableGateway.Patience);
        return app;
    }

    private static HttpClient NewClient(WebApplication app)
    {
        HttpClient http = new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri(app.Urls.First()) };
        http.DefaultRequestHeaders.Add("X-API-Key", DurableProgram.Key);
        return http;
    }

    private static Task<HttpResponseMessage> PostAsync(
        HttpClient http, string tool, int number, string point, string? key, bool isAsync = false)
    {
        JsonObject body = new() { ["arguments"] = new JsonObject { ["number"] = number, ["point"] = point } };
        HttpRequestMessage request = new(HttpMethod.Post, $"/tools/{tool}")
        {
            Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"),
        };
        if (key is not null) request.Headers.Add("Idempotency-Key", key);
        if (isAsync) request.Headers.Add("Prefer", "respond-async");
        return http.SendAsync(request);
    }
}
