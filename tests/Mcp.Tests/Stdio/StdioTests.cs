using System.Diagnostics;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Stdio;
using Varve.Mcp.Tests.Fakes;

namespace Varve.Mcp.Tests.Stdio;

/// <summary>Servers over standard input and output: in memory first, then as a process.</summary>
public sealed class StdioTests
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "Varve.Mcp.Conformance.dll");

    [Theory]
    [InlineData("2025-06-18")]
    [InlineData("2025-11-25")]
    [InlineData("2026-07-28")]
    public async Task A_client_of_either_era_is_served_over_pipes(string revision)
    {
        await using PipedServer server = await PipedServer.StartAsync();
        await using McpClient client = await server.ConnectAsync(revision);
        CallToolResult result = await client.CallToolAsync("echo", new Dictionary<string, object?> { ["text"] = "hello" });
        Assert.Equal("hello", ((TextContentBlock)result.Content.Single()).Text);
        CallToolResult wrong = await client.CallToolAsync("echo", new Dictionary<string, object?> { ["txt"] = "hello" });
        Assert.Equal("Argument 'text' is required.", ((TextContentBlock)wrong.Content.Single()).Text);
    }

    [Fact]
    public async Task A_session_over_stdio_hears_of_changes()
    {
        await using PipedServer server = await PipedServer.StartAsync();
        await using McpClient client = await server.ConnectAsync("2025-11-25");
        TaskCompletionSource<string> heard = new();
        await using IAsyncDisposable subscription = await client.SubscribeToResourceAsync("test://state", (notice, _) =>
        {
            heard.TrySetResult(notice.Uri);
            return default;
        });
        await client.CallToolAsync("touch", new Dictionary<string, object?> { ["uri"] = "test://state" });
        Assert.Equal("test://state", await heard.Task.WaitAsync(TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public async Task S13_a_line_that_is_too_long_is_refused_and_the_next_one_is_read()
    {
        await using PipedServer server = await PipedServer.StartAsync(options => options.MessageBytesMax = 2_000);
        await server.WriteAsync(new string('x', 3_000) + "\n" + Ping(1) + "\n");
        Assert.Equal(-32600, (int?)(await server.ReadAsync())!["error"]!["code"]);
        Assert.Equal(1, (int?)(await server.ReadAsync())!["id"]);
        // Without its end in sight nothing of it is kept, and it is refused once.
        for (int part = 0; part < 10; part++) await server.WriteAsync(new string('y', 1_000));
        await server.WriteAsync("\n" + Ping(2) + "\n");
        Assert.Equal(-32600, (int?)(await server.ReadAsync())!["error"]!["code"]);
        Assert.Equal(2, (int?)(await server.ReadAsync())!["id"]);
    }

    [Fact]
    public async Task S12_the_rules_for_messages_hold_on_stdio_too()
    {
        await using PipedServer server = await PipedServer.StartAsync();
        string deep = new string('[', 40) + new string(']', 40);
        string tooDeepRequest = $$$"""{"jsonrpc":"2.0","id":4,"method":"ping","params":{"a":{{{deep}}}}}""";
        await server.WriteAsync($"no JSON\n[]\n{tooDeepRequest}\n\r\n{Ping(5)}\r\n");
        Assert.Equal(-32700, (int?)(await server.ReadAsync())!["error"]!["code"]);
        Assert.Equal(-32600, (int?)(await server.ReadAsync())!["error"]!["code"]);
        JsonNode tooDeep = (await server.ReadAsync())!;
        Assert.Equal((4, -32700), ((int?)tooDeep["id"], (int?)tooDeep["error"]!["code"]));
        Assert.Equal(5, (int?)(await server.ReadAsync())!["id"]);
    }

    [Fact]
    public async Task S13_calls_under_way_finish_when_the_client_leaves_and_then_the_host_stops()
    {
        await using PipedServer server = await PipedServer.StartAsync();
        await server.WriteAsync(Initialize + "\n" + Call(2, "wait") + "\n");
        Assert.Equal(1, (int?)(await server.ReadAsync())!["id"]);
        await server.Gate.Entered.WaitAsync();
        await server.LeaveAsync();
        server.Gate.Open();
        JsonNode result = (await server.ReadAsync())!;
        Assert.Equal((2, "went through"), ((int?)result["id"], result.Text()));
        await server.Stopped.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task S13_calls_that_do_not_finish_are_cancelled()
    {
        TimeSpan drain = TimeSpan.FromMilliseconds(20);
        await using PipedServer server = await PipedServer.StartAsync(options => options.Stdio.DrainTimeout = drain);
        await server.WriteAsync(Initialize + "\n" + Call(2, "wait") + "\n");
        await server.Gate.Entered.WaitAsync();
        await server.LeaveAsync();
        await server.Gate.Cancelled.WaitAsync();
        await server.Stopped.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task S13_a_stream_of_notices_does_not_hold_the_program_when_its_client_leaves()
    {
        await using PipedServer server = await PipedServer.StartAsync(options => options.Stdio.DrainTimeout = TimeSpan.FromHours(1));
        await server.WriteAsync(Listen + "\n");
        Assert.Equal("notifications/subscriptions/acknowledged", (string?)(await server.ReadAsync())!["method"]);
        await server.LeaveAsync();
        await server.Stopped.WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Theory]
    [InlineData("2025-11-25")]
    [InlineData("2026-07-28")]
    public async Task S13_a_process_writes_the_protocol_alone_to_standard_output(string revision)
    {
        List<string> errors = [];
        StdioClientTransportOptions options = new()
        {
            Command = "dotnet",
            Arguments = [Program, "--stdio"],
            StandardErrorLines = line =>
            {
                lock (errors) errors.Add(line);
            },
        };
        McpClientOptions wanted = new() { ProtocolVersion = revision };
        await using (McpClient client = await McpClient.CreateAsync(new StdioClientTransport(options), wanted))
        {
            CallToolResult result = await client.CallToolAsync("print");
            Assert.Equal("printed", ((TextContentBlock)result.Content.Single()).Text);
        }
        lock (errors) Assert.Contains(errors, line => line.Contains("this is no message of the protocol", StringComparison.Ordinal));
    }

    [Fact]
    public async Task S13_a_process_ends_well_when_its_client_closes_its_end()
    {
        ProcessStartInfo start = new("dotnet", [Program, "--stdio"]);
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError) = (true, true, true);
        using Process process = Process.Start(start)!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        await process.StandardInput.WriteLineAsync(Initialize);
        Assert.Equal(1, (int?)JsonNode.Parse((await process.StandardOutput.ReadLineAsync())!)!["id"]);
        await process.StandardInput.WriteLineAsync(Call(2, "hang"));
        process.StandardInput.Close();
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(10));
        await process.WaitForExitAsync(limit.Token);
        Assert.Equal(0, process.ExitCode);
    }

    private const string Initialize = """{"jsonrpc":"2.0","id":1,"method":"initialize","params":"""
        + """{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}""";

    private const string Listen = """{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":"""
        + """{"notifications":{"resourceSubscriptions":["test://state"]},"_meta":"""
        + """{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}""";

    private static string Ping(int id) => $$"""{"jsonrpc":"2.0","id":{{id}},"method":"ping"}""";

    private static string Call(int id, string tool) =>
        $$$"""{"jsonrpc":"2.0","id":{{{id}}},"method":"tools/call","params":{"name":"{{{tool}}}","arguments":{} } }""";

    /// <summary>A stdio server whose input and output are pipes of the test.</summary>
    private sealed class PipedServer(IHost host, Pipe input, Pipe output) : IAsyncDisposable
    {
        private readonly StreamReader _lines = new(output.Reader.AsStream());

        public Gate Gate => host.Services.GetRequiredService<Gate>();

        public Task Stopped { get; } = host.WaitForShutdownAsync();

        public static async Task<PipedServer> StartAsync(Action<VarveMcpOptions>? configure = null)
        {
            (Pipe input, Pipe output) = (new Pipe(), new Pipe());
            HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
            builder.Services.AddSingleton<Gate>().AddSingleton(new StdioStreams(input.Reader.AsStream(), output.Writer.AsStream()));
            builder.Services.AddVarveMcp(configure).WithTools<TestTools>().WithResources<TestResources>().WithVarveStdio();
            IHost host = builder.Build();
            await host.StartAsync();
            return new PipedServer(host, input, output);
        }

        public Task<McpClient> ConnectAsync(string revision) => McpClient.CreateAsync(
            new StreamClientTransport(input.Writer.AsStream(), output.Reader.AsStream()), new() { ProtocolVersion = revision });

        public async Task WriteAsync(string text) => await input.Writer.WriteAsync(Encoding.UTF8.GetBytes(text));

        public async Task<JsonNode?> ReadAsync() =>
            await _lines.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(10)) is { } line ? JsonNode.Parse(line) : null;

        public async Task LeaveAsync() => await input.Writer.CompleteAsync();

        public async ValueTask DisposeAsync()
        {
            Gate.Open();
            await input.Writer.CompleteAsync();
            await host.StopAsync();
            host.Dispose();
        }
    }
}
