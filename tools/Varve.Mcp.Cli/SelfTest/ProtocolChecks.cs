using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using static Varve.Mcp.Cli.SelfTest.CheckFailedException;

namespace Varve.Mcp.Cli.SelfTest;

/// <summary>The gateway as a server of the Model Context Protocol, in both eras.</summary>
internal sealed class ProtocolChecks(GatewayClient gateway)
{
    private const string LegacyRevision = "2025-11-25";

    public IEnumerable<(string Name, Func<CancellationToken, Task> Check)> All =>
    [
        ("mcp: a client of revision 2026-07-28 lists and calls", cancellation => TalkAsync(null, cancellation)),
        ("mcp: a client of revision 2025-11-25, with a session, lists and calls", cancellation => TalkAsync(LegacyRevision, cancellation)),
    ];

    private async Task TalkAsync(string? revision, CancellationToken cancellation)
    {
        var options = new HttpClientTransportOptions { Endpoint = new Uri(gateway.Url, "/mcp") };
        await using var transport = new HttpClientTransport(options, gateway.Http, loggerFactory: null, ownsHttpClient: false);
        await using McpClient client = await McpClient.CreateAsync(
            transport, new McpClientOptions { ProtocolVersion = revision }, cancellationToken: cancellation);
        IList<McpClientTool> tools = await client.ListToolsAsync(cancellationToken: cancellation);
        Require(tools.Count > 0, "there are no tools");
        if (tools.All(tool => tool.Name != GatewayClient.JourneysTool)) return;
        CallToolResult result = await client.CallToolAsync(
            GatewayClient.JourneysTool, new Dictionary<string, object?> { ["action"] = "list" }, cancellationToken: cancellation);
        Require(result.IsError != true, "journeys_tool answered with an error");
    }
}
