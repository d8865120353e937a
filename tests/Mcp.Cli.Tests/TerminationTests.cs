using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using ModelContextProtocol;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Cli.Commands;

// Sampling is deprecated in the protocol and still part of it.
#pragma warning disable MCP9005

namespace Varve.Mcp.Cli.Tests;

/// <summary>A real SIGTERM: the server ends in time and in order, and the next one goes on with what was under way.</summary>
public sealed class TerminationTests : IDisposable
{
    /// <summary>Calls have 10 s to end, and what comes around that is done in some more, also on a busy machine.</summary>
    private static readonly TimeSpan EndMax = TimeSpan.FromSeconds(40);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _directory = Directory.CreateTempSubdirectory("varve-mcp-test-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [TerminationFact]
    public async Task A_server_over_http_leaves_a_call_under_way_to_the_next_one()
    {
        int port = FreePort();
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using Process first = await ServeAsync(port);
        await using McpClient client = await ConnectAsync(port, new McpClientHandlers { SamplingHandler = AnswerAsync });
        await client.CallToolAsync("add_task", new Dictionary<string, object?> { ["description"] = "a" });
        Task<CallToolResult> orchestrating = client.CallToolAsync("run_orchestrator").AsTask();
        await asked.Task.WaitAsync(Patience);

        Assert.Equal(ExitCode.Ok, await TerminateAsync(first));

        using Process second = await ServeAsync(port);
        CallToolResult result = await orchestrating.WaitAsync(Patience);
        Assert.True(result.IsError != true, TestServer.TextOf(result) + await first.StandardError.ReadToEndAsync());
        JsonElement run = result.StructuredContent!.Value;
        Assert.Equal((1, 1), (run.GetProperty("processed").GetInt32(), run.GetProperty("completed").GetInt32()));
        Assert.Equal(ExitCode.Ok, await TerminateAsync(second));

        // The first question stays open, until it is taken back.
        async ValueTask<CreateMessageResult> AnswerAsync(
            CreateMessageRequestParams? question, IProgress<ProgressNotificationValue> progress,
            CancellationToken cancellation)
        {
            if (asked.TrySetResult()) await Task.Delay(Timeout.Infinite, cancellation);
            return new CreateMessageResult { Model = "m", Role = Role.Assistant, Content = [new TextContentBlock { Text = "done" }] };
        }
    }

    /// <returns>The exit code.</returns>
    private static async Task<int> TerminateAsync(Process process)
    {
        using Process kill = Process.Start("kill", ["-TERM", $"{process.Id}"]);
        await process.WaitForExitAsync().WaitAsync(EndMax);
        return process.ExitCode;
    }

    private static Task<McpClient> ConnectAsync(int port, McpClientHandlers handlers) => McpClient.CreateAsync(
        new HttpClientTransport(new HttpClientTransportOptions
        {
            Endpoint = new Uri(ServerHost.UrlOf(port)),
            TransportMode = HttpTransportMode.StreamableHttp,
            MaxReconnectionAttempts = int.MaxValue,
        }),
        new McpClientOptions { ProtocolVersion = "2025-11-25", Handlers = handlers });

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>A server that says that it serves.</summary>
    private async Task<Process> ServeAsync(int port)
    {
        (string command, string[] before) = SelfProcess.Command();
        string[] serve = ["serve", "--server", "tasks", "--transport", "http", "--executor", "sampling", "--port", $"{port}"];
        Process process = Process.Start(new ProcessStartInfo(command, [.. before, .. serve, "--data", Path.Combine(_directory, "data")])
        {
            RedirectStandardError = true,
            UseShellExecute = false,
        })!;
        string? said = await process.StandardError.ReadLineAsync().WaitAsync(Patience);
        Assert.StartsWith("Serving ", said, StringComparison.Ordinal);
        return process;
    }
}

/// <summary>Skips where processes have no signals.</summary>
internal sealed class TerminationFactAttribute : FactAttribute
{
    public TerminationFactAttribute()
    {
        if (OperatingSystem.IsWindows()) Skip = "Windows has no such signals.";
    }
}
