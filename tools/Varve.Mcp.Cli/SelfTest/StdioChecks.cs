using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Cli.Commands;

namespace Varve.Mcp.Cli.SelfTest;

/// <summary>The server that own workers run, by itself over stdio.</summary>
internal sealed class StdioChecks
{
    public IEnumerable<(string Name, Func<CancellationToken, Task> Check)> All => [("stdio: a server answers a call", AnswersAsync)];

    private static async Task AnswersAsync(CancellationToken cancellation)
    {
        string directory = Directory.CreateTempSubdirectory("varve-mcp-selftest-").FullName;
        try
        {
            (string command, string[] before) = SelfProcess.Command();
            var transport = new StdioClientTransport(new StdioClientTransportOptions
            {
                Command = command,
                Arguments = [.. before, "serve", "--server", "journeys", "--data", directory],
            });
            await using McpClient client = await McpClient.CreateAsync(transport, cancellationToken: cancellation);
            CallToolResult result = await client.CallToolAsync(
                GatewayClient.JourneysTool, new Dictionary<string, object?> { ["action"] = "list" }, cancellationToken: cancellation);
            CheckFailedException.Require(result.IsError != true, "journeys_tool answered with an error");
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
