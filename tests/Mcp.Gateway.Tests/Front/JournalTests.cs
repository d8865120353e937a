using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Varve.Idempotency;
using Varve.Mcp.Calls;
using Varve.Mcp.Gateway.Front;
using Varve.Mcp.Gateway.Pool;
using Varve.Mcp.Gateway.Tests.Fakes;

namespace Varve.Mcp.Gateway.Tests.Front;

/// <summary>The front before the real journal.</summary>
public sealed class JournalTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("varve-gateway-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_keyed_call_has_one_effect_by_every_way_in_and_outlives_its_callers()
    {
        await using GatewayHost host = await StartAsync();
        await using (SocketClient client = await SocketClient.ConnectAsync(host, "/ws/tools/wait"))
        {
            await client.SendAsync("""{"arguments": {}, "id": "a", "idempotencyKey": "k"}""");
            Assert.True(await host.Gate.Entered.WaitAsync(GatewayHost.Patience));
        }
        Task<Reply> joined = host.CallAsync("wait", "{}", ("Idempotency-Key", "k"));
        host.Gate.Open();
        Assert.Equal("""{"status":"success","data":"went through","replayed":true}""", (await joined).Text);
        await using OpenStream stream = await OpenStream.PostAsync(host, "wait", """{"arguments": {}, "idempotencyKey": "k"}""");
        Assert.Contains("replayed", (await stream.ReadToAsync("result"))[^1].Data, StringComparison.Ordinal);
        Assert.Equal((0, 0), (host.Gate.Entered.CurrentCount, host.Gate.Cancelled.CurrentCount));
        Reply other = await host.CallAsync("wait", """{"said": "more"}""", ("Idempotency-Key", "k"));
        Assert.Equal((422, "idempotency_conflict"), (other.Status, other.Problem()));
    }

    [Fact]
    public async Task A_call_that_writes_is_journaled_under_its_callers_name()
    {
        await using GatewayHost host = await StartAsync();
        Assert.Equal("""{"status":"success","data":"a"}""", (await host.CallAsync("write", """{"text": "a"}""")).Text);
        List<Invocation> calls = [];
        await foreach (Invocation call in host.Services.GetRequiredService<Journal>().ListAsync()) calls.Add(call);
        Assert.Equal(("write", "me", InvocationState.Completed), (calls.Single().Name, calls.Single().Principal, calls.Single().State));
    }

    [Fact]
    public async Task Calls_that_run_again_after_a_kill_pass_the_runner()
    {
        GatewayHost host = await StartAsync(options => options.DrainTimeout = TimeSpan.FromMilliseconds(100));
        Task<Reply> call = host.CallAsync("wait", "{}", ("Idempotency-Key", "k"));
        Assert.True(await host.Gate.Entered.WaitAsync(GatewayHost.Patience));
        await host.StopAsync().WaitAsync(GatewayHost.Patience);
        Assert.Equal(503, (await call).Status);
        await host.AbandonAsync();
        // Even a full pool does not turn it away: it was admitted once.
        await using GatewayHost next = await StartAsync(isFull: true);
        Assert.True(await next.Gate.Entered.WaitAsync(GatewayHost.Patience));
        Assert.Equal("wait", Assert.Single(next.Services.GetRequiredService<ActiveCalls>().All).Tool);
        next.Gate.Open();
        next.Pool.IsFull = false;
        JsonNode answer = (await next.CallAsync("wait", "{}", ("Idempotency-Key", "k"))).Json;
        Assert.Equal("went through", (string?)answer["data"]);
    }

    private Task<GatewayHost> StartAsync(Action<GatewayOptions>? configure = null, bool isFull = false) => GatewayHost.StartAsync(
        configure,
        addServices: services =>
        {
            services.RemoveAll<ICallRunner>();
            if (isFull) services.Replace(ServiceDescriptor.Singleton<IWorkerPool>(new FakePool { IsFull = true }));
            services.AddVarveMcp().WithVarveJournal(_directory);
        });
}
