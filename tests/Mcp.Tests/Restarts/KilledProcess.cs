using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Tests.Fakes;

namespace Varve.Mcp.Tests.Restarts;

/// <summary>A process that serves, and may be killed.</summary>
internal sealed class KilledProcess : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;

    private KilledProcess(Process process) => _process = process;

    /// <summary>Where it serves over HTTP.</summary>
    public Uri? Url { get; private set; }

    /// <summary>What it is to a directory that it shares.</summary>
    public string? Role { get; private set; }

    public static async Task<KilledProcess> StartAsync(string transport, string directory, string point, int port = 0)
    {
        ProcessStartInfo start = new(
            "dotnet",
            [typeof(KilledProcess).Assembly.Location, transport, Path.Combine(directory, "data"), EffectsOf(directory), point, $"{port}"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        KilledProcess server = new(Process.Start(start)!);
        if (transport == "shared") server.Role = await server._process.StandardError.ReadLineAsync().WaitAsync(s_patience);

        // Whatever else it says is nobody's concern, and must not hold it up.
        _ = server._process.StandardError.ReadToEndAsync();
        if (transport == "http") server.Url = new Uri((await server.ReadLineAsync())!);
        return server;
    }

    public int Id => _process.Id;

    public static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public static string EffectsOf(string directory) => Path.Combine(directory, "effects");

    /// <summary>A client of the SDK over stdio.</summary>
    public Task<McpClient> ConnectAsync() => McpClient.CreateAsync(
        new StreamClientTransport(_process.StandardInput.BaseStream, _process.StandardOutput.BaseStream));

    /// <summary>A client of the SDK in a session over HTTP, which tries for as long as the next server takes on a busy machine.</summary>
    public Task<McpClient> ConnectInSessionAsync(McpClientOptions options)
    {
        HttpClientTransportOptions transport = new()
        {
            Endpoint = Url!,
            TransportMode = HttpTransportMode.StreamableHttp,
            MaxReconnectionAttempts = int.MaxValue,
        };
        options.ProtocolVersion = RawRequests.Legacy;
        return McpClient.CreateAsync(new HttpClientTransport(transport), options);
    }

    public Task WriteLineAsync(string line) => _process.StandardInput.WriteLineAsync(line);

    public async Task<string?> ReadLineAsync() => await _process.StandardOutput.ReadLineAsync().WaitAsync(s_patience);

    /// <summary>The answer to a request over stdio; null when the process has ended without one.</summary>
    public async Task<JsonNode?> AskAsync(JsonObject request)
    {
        try
        {
            await WriteLineAsync(request.ToJsonString());
            while (await ReadLineAsync() is { } line)
            {
                JsonNode message = JsonNode.Parse(line)!;
                if ((int?)message["id"] == (int?)request["id"]) return message;
            }
        }
        catch (IOException)
        {
            // It was killed before it has read the request.
        }

        return null;
    }

    public void Kill() => _process.Kill();

    /// <summary>STOP or CONT.</summary>
    public async Task SignalAsync(string name)
    {
        using Process kill = Process.Start("kill", [$"-{name}", $"{_process.Id}"]);
        await kill.WaitForExitAsync().WaitAsync(s_patience);
        Assert.Equal(0, kill.ExitCode);
    }

    public Task EndedAsync() => _process.WaitForExitAsync().WaitAsync(s_patience);

    public void Dispose()
    {
        _process.Kill();
        _process.Dispose();
    }
}
