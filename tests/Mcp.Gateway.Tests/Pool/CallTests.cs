using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Gateway.Pool;

namespace Varve.Mcp.Gateway.Tests.Pool;

public sealed class CallTests
{
    [Fact]
    public async Task A_worker_is_ready_once_its_tools_are_known_and_answers()
    {
        await using PoolHost host = PoolHost.Start();
        Assert.Empty(host.Pool.Tools);
        Assert.Null(host.Pool.Capabilities);
        await host.ReadyAsync();
        Assert.Contains(host.Pool.Tools, tool => tool.Name == "echo" && tool.Annotations?.ReadOnlyHint == true);
        Assert.NotNull(host.Pool.Capabilities?.Tools);
        JsonNode? result = await host.CallAsync("echo", new JsonObject { ["text"] = "hello" });
        Assert.Equal("hello", PoolHost.TextOf(result));
        Assert.Equal("complete", (string?)result!["resultType"]);
    }
}
