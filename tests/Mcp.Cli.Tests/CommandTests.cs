using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Cli.Commands;
using Varve.Mcp.Cli.Servers;
using Varve.Sharing;

namespace Varve.Mcp.Cli.Tests;

public sealed class CommandTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("varve-mcp-test-").FullName;

    private string Data => Path.Combine(_directory, "data");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("", "serve", "Exit codes:")]
    [InlineData("serve", "--transport", "varve-mcp serve --server tasks")]
    [InlineData("examples", "--run", "varve-mcp examples --run processing")]
    [InlineData("calls", "replay", "abort")]
    [InlineData("config", "--client", "claude-desktop|vscode|cursor|claude-code")]
    public async Task Help_tells_what_there_is(string command, params string[] texts)
    {
        (int exitCode, string output, _) = await RunAsync([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);
        Assert.Equal(ExitCode.Ok, exitCode);
        Assert.All(texts, text => Assert.Contains(text, output));
    }

    [Theory]
    [InlineData("serve --server nothing")]
    [InlineData("serve --transport pigeon")]
    [InlineData("dance")]
    [InlineData("calls show not-an-id")]
    [InlineData("config --client notepad")]
    [InlineData("config --client claude-desktop --transport http")]
    public async Task A_wrong_command_line_is_one_line_on_stderr(string line)
    {
        (int exitCode, string output, string error) = await RunAsync(line.Split(' '));
        Assert.Equal(ExitCode.Usage, exitCode);
        Assert.Equal("", output);
        Assert.StartsWith("varve-mcp: ", error);
        Assert.Equal(1, error.Count(character => character == '\n'));
    }

    [Theory]
    [InlineData("claude-desktop", "mcpServers")]
    [InlineData("vscode", "servers")]
    [InlineData("cursor", "mcpServers")]
    public async Task Configuration_is_printed_as_the_client_wants_it(string client, string root)
    {
        (int exitCode, string output, string error) = await RunAsync("config", "--client", client, "--server", "tasks", "--data", "d");
        Assert.Equal(ExitCode.Ok, exitCode);
        JsonElement server = JsonDocument.Parse(output).RootElement.GetProperty(root).GetProperty("varve");
        Assert.Equal("varve-mcp", server.GetProperty("command").GetString());
        string[] arguments = [.. server.GetProperty("args").EnumerateArray().Select(argument => argument.GetString()!)];
        Assert.Equal(["serve", "--server", "tasks", "--data", Path.GetFullPath("d")], arguments);
        Assert.Contains(".json", error);
    }

    [Fact]
    public async Task Configuration_over_http_is_a_url()
    {
        (_, string vscode, _) = await RunAsync("config", "--client", "vscode", "--transport", "http");
        JsonElement server = JsonDocument.Parse(vscode).RootElement.GetProperty("servers").GetProperty("varve");
        Assert.Equal("http://localhost:9991/mcp", server.GetProperty("url").GetString());
        (_, string code, _) = await RunAsync("config", "--client", "claude-code", "--transport", "http", "--port", "80");
        Assert.Equal("claude mcp add --transport http varve http://localhost:80/mcp\n", code);
        (_, string started, _) = await RunAsync("config", "--client", "claude-code", "--data", "/a b");
        Assert.Equal("claude mcp add varve -- varve-mcp serve --server all --data '/a b'\n", started);
    }

    [Fact]
    public async Task Calls_are_listed_shown_and_made_again()
    {
        await using (Serving serving = await Serving.StartAsync(Data))
        {
            await serving.Server.GetAsync("add_task", new { description = "a" }, key: "my-key");
            await serving.Server.GetErrorAsync("start_task", new { task_id = "task-009" });
        }

        (int exitCode, string output, _) = await RunAsync("calls", "list", "--data", Data, "--json");
        Assert.Equal(ExitCode.Ok, exitCode);
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        JsonElement[] calls = [.. lines.Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal(["start_task", "add_task"], calls.Select(call => call.GetProperty("tool").GetString()));
        Assert.Equal("my-key", calls[1].GetProperty("key").GetString());
        Assert.True(calls[0].GetProperty("is_error").GetBoolean());
        (_, output, _) = await RunAsync("calls", "list", "--data", Data, "--tool", "add_task");
        string id = calls[1].GetProperty("id").GetString()!;
        Assert.Contains(id, output);
        Assert.DoesNotContain("start_task", output);

        (_, output, _) = await RunAsync("calls", "show", id, "--data", Data);
        Assert.Contains("guard 'add': stored", output);
        Assert.Contains("{\"description\":\"a\"}", output);

        (exitCode, _, _) = await RunAsync("calls", "replay", id, "--data", Data);
        Assert.Equal(ExitCode.Canceled, exitCode);
        (exitCode, output, string error) = await RunAsync("calls", "replay", id, "--data", Data, "--yes", "--json");
        Assert.True(exitCode == ExitCode.Ok, error);
        JsonElement replay = JsonDocument.Parse(output).RootElement;
        Assert.Equal(id, replay.GetProperty("call").GetProperty("replay_of").GetString());
        Assert.False(replay.GetProperty("call").TryGetProperty("key", out _));
        Assert.Equal("completed", replay.GetProperty("call").GetProperty("state").GetString());
        Assert.Contains("task-002", replay.GetProperty("result").GetRawText());
    }

    [Fact]
    public async Task An_aborted_call_is_retried_with_what_its_guards_have_done()
    {
        Guid id;
        using (Database database = Database.Open(Data))
        {
            var journal = new Journal(new EmbeddedStore(database));
            var request = new InvocationRequest
            {
                Name = "create_user_with_profile",
                Arguments = """{"email":"a@example.com","username":"alice"}"""u8.ToArray(),
                Recovery = RecoveryMode.Resume,
            };
            InvocationContext run = (await journal.BeginAsync(request)).Context!;
            id = run.Id;
            await run.AtLeastOnceAsync("create_user_alice", () => Task.FromResult("user_from_before"));
            run.Detach();
        }

        (int exitCode, string output, _) = await RunAsync("calls", "abort", $"{id}", "--data", Data);
        Assert.Equal(ExitCode.Ok, exitCode);
        Assert.Equal($"aborted {id} (create_user_with_profile)\n", output);
        (exitCode, _, _) = await RunAsync("calls", "abort", $"{id}", "--data", Data);
        Assert.Equal(ExitCode.NotFound, exitCode);
        (exitCode, output, string error) = await RunAsync("calls", "retry", $"{id}", "--data", Data, "--json");
        Assert.True(exitCode == ExitCode.Ok, error);
        Assert.Contains("profile_user_from_before", output);
        (exitCode, _, error) = await RunAsync("calls", "retry", $"{id}", "--data", Data);
        Assert.Equal(ExitCode.NotFound, exitCode);
        Assert.Contains("completed", error);
    }

    [Fact]
    public async Task Calls_of_nothing_are_refused()
    {
        (int exitCode, _, string error) = await RunAsync("calls", "list", "--data", Data);
        Assert.Equal(ExitCode.System, exitCode);
        Assert.Contains("There is no database", error);
        Assert.False(Directory.Exists(Data));
        Database.Open(Data).Dispose();
        (exitCode, _, _) = await RunAsync("calls", "show", $"{Guid.NewGuid()}", "--data", Data);
        Assert.Equal(ExitCode.NotFound, exitCode);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("2025-11-25")]
    public async Task A_server_over_stdio_speaks_nothing_but_the_protocol(string? revision)
    {
        (string command, string[] before) = SelfProcess.Command();
        var transport = new StdioClientTransport(new StdioClientTransportOptions
        {
            Command = command,
            Arguments = [.. before, "serve", "--server", "all", "--data", Data],
        });
        await using McpClient client = await McpClient.CreateAsync(transport, new McpClientOptions { ProtocolVersion = revision });
        Assert.Equal("varve-mcp", client.ServerInfo?.Name);
        CallToolResult result = await client.CallToolAsync("add_task", new Dictionary<string, object?> { ["description"] = "a" });
        Assert.Equal("Created task: task-001", TestServer.TextOf(result));
        result = await client.CallToolAsync("get_next_task", new Dictionary<string, object?>());
        Assert.Contains("task-001", TestServer.TextOf(result));
    }

    [Fact]
    public async Task A_server_over_stdio_keeps_its_output_clean_and_ends_with_its_input()
    {
        using Process process = StartProcess("serve", "--data", Data, "--verbose");
        const string Begin = """
            "params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}
            """;
        await process.StandardInput.WriteLineAsync($$"""{"jsonrpc":"2.0","id":1,"method":"initialize",{{Begin}}}""");
        await process.StandardInput.FlushAsync();
        string first = (await process.StandardOutput.ReadLineAsync())!;
        Assert.Equal(1, JsonDocument.Parse(first).RootElement.GetProperty("id").GetInt32());
        process.StandardInput.Close();
        Assert.Equal("", await process.StandardOutput.ReadToEndAsync());
        await process.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token);
        Assert.Equal(ExitCode.Ok, process.ExitCode);
    }

    [Fact]
    public async Task Data_that_another_process_uses_and_does_not_share_is_refused()
    {
        using Database database = Database.Open(Data);
        using Process process = StartProcess("serve", "--data", Data);
        process.StandardInput.Close();
        string error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token);
        Assert.Equal(ExitCode.System, process.ExitCode);
        Assert.StartsWith("varve-mcp: ", error);
    }

    [Fact]
    public async Task Two_servers_over_stdio_share_their_data_and_survive_each_others_death()
    {
        List<Process> servers = [StartProcess("serve", "--server", "store", "--data", Data)];
        try
        {
            await BeginAsync(servers[0]);
            for (int round = 0; round < 4; round++)
            {
                Process next = StartProcess("serve", "--server", "store", "--data", Data);
                servers.Add(next);
                await BeginAsync(next);
                Process owner = servers[^2];
                await WriteAsync(owner, $"a{round}");
                await WriteAsync(next, $"b{round}");
                Assert.Contains($"a{round}", await ReadAsync(next, $"a{round}"));
                Assert.Contains($"b{round}", await ReadAsync(owner, $"b{round}"));

                // Beside running servers an operator looks at their calls.
                (int exitCode, string output, string error) = await RunAsync("calls", "list", "--data", Data, "--json");
                Assert.True(exitCode == ExitCode.Ok, error);
                Assert.Equal(2 * (round + 1), output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);

                // By turns the owner is killed, and asked to go.
                if (round % 2 == 0) owner.Kill();
                else owner.StandardInput.Close();
                Assert.Contains($"a{round}", await ReadAsync(next, $"a{round}"));
                Assert.Contains($"b{round}", await ReadAsync(next, $"b{round}"));
            }
        }
        finally
        {
            foreach (Process server in servers)
            {
                server.Kill();
                server.Dispose();
            }
        }
    }

    [Theory]
    [InlineData("http", "modern", "2026-07-28")]
    [InlineData("http", "legacy", "2025-11-25")]
    [InlineData("stdio", "modern", "2026-07-28")]
    [InlineData("stdio", "legacy", "2025-11-25")]
    public async Task All_examples_go_as_they_should(string transport, string era, string revision)
    {
        (int exitCode, string output, string error) = await RunAsync(
            "examples", "--run", "all", "--yes", "--transport", transport, "--era", era, "--port", $"{FreePort()}");
        Assert.True(exitCode == ExitCode.Ok, output + error);
        Assert.All(ServerCatalog.Servers, server => Assert.Contains($"== {server.Name}:", output));
        Assert.Equal(ServerCatalog.Servers.Count, output.Split($", revision {revision}\n").Length - 1);
        Assert.EndsWith("8 of 8 examples went as they should.\n", output);
    }

    [Fact]
    public async Task The_menu_asks_again_and_is_left_with_q()
    {
        (int exitCode, string output, _) = await RunWithInputAsync("nonsense\nsteps\n\nq\n", "examples", "--port", $"{FreePort()}");
        Assert.Equal(ExitCode.Ok, exitCode);
        Assert.Contains("'nonsense' is none of them.", output);
        Assert.Contains("== steps:", output);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_refused()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;
        (int exitCode, _, string error) = await RunAsync("examples", "--run", "steps", "--port", $"{port}");
        Assert.Equal(ExitCode.System, exitCode);
        Assert.Contains($"Port {port} cannot be used", error);
    }

    /// <summary>Speaks the protocol by hand, so that the test has the process itself in its hands.</summary>
    private static Task<string> BeginAsync(Process server) => AskAsync(
        server, "initialize", """{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}""");

    private static async Task WriteAsync(Process server, string key)
    {
        string arguments = $$$"""{"name":"m","entries":{"{{{key}}}":"value of {{{key}}}"} }""";
        string answer = await AskAsync(server, "tools/call", $$"""{"name":"map_insert","arguments":{{arguments}} }""");
        Assert.Contains("\"count\":1", answer);
    }

    private static Task<string> ReadAsync(Process server, string key) => AskAsync(
        server, "tools/call", $$$"""{"name":"map_get","arguments":{"name":"m","key":"{{{key}}}"}}""");

    private static async Task<string> AskAsync(Process server, string method, string parameters)
    {
        await server.StandardInput.WriteLineAsync($$"""{"jsonrpc":"2.0","id":7,"method":"{{method}}","params":{{parameters}}}""");
        await server.StandardInput.FlushAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (await server.StandardOutput.ReadLineAsync(limit.Token) is { } line)
        {
            if (line.Contains("\"id\":7", StringComparison.Ordinal)) return line;
        }

        throw new InvalidDataException($"The server has ended: {await server.StandardError.ReadToEndAsync()}");
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static Process StartProcess(params string[] arguments)
    {
        (string command, string[] before) = SelfProcess.Command();
        var start = new ProcessStartInfo(command)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (string argument in before.Concat(arguments)) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    private static Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] arguments) =>
        RunWithInputAsync("", arguments);

    private static async Task<(int ExitCode, string Output, string Error)> RunWithInputAsync(string input, params string[] arguments)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        var terminal = new Terminal(() => new StringReader(input), () => output, error, isInteractive: false);
        int exitCode = await CommandLine.RunAsync(arguments, terminal);
        return (exitCode, output.ToString(), error.ToString());
    }

    /// <summary>A server on a database of its own.</summary>
    private sealed record Serving(Database Database, TestServer Server) : IAsyncDisposable
    {
        public static async Task<Serving> StartAsync(string data)
        {
            Database database = Database.Open(data);
            return new Serving(database, await TestServer.StartAsync(database));
        }

        public async ValueTask DisposeAsync()
        {
            await Server.DisposeAsync();
            Database.Dispose();
        }
    }
}
