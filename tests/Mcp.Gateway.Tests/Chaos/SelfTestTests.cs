using System.Diagnostics;
using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace Varve.Mcp.Gateway.Tests.Chaos;

/// <summary><c>varve-mcp gateway --self-test</c> against <c>varve-mcp gateway</c>, as they are started by hand.</summary>
public sealed class SelfTestTests : IDisposable
{
    private const string Said = "Serving at ";
    private const string Key = "self-test-key-0123456789-abcdefgh";

    private static readonly TimeSpan TimeMax = TimeSpan.FromMinutes(5);

    private readonly string _directory = Directory.CreateTempSubdirectory("varve-self-test-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_gateway_that_runs_passes_its_self_test_and_ends_when_told()
    {
        using var limit = new CancellationTokenSource(TimeMax);
        string[] options = ["--worker-concurrency", "1", "--rate-limit", "100000", "--rate-burst", "100000"];
        using Process gateway = Start(Key, ["gateway", "--port", "0", "--data", _directory, .. options]);
        try
        {
            string? line;
            do line = await gateway.StandardError.ReadLineAsync(limit.Token);
            while (line?.StartsWith(Said, StringComparison.Ordinal) == false);
            Assert.NotNull(line);
            // Read on, so that a full pipe does not stop it.
            _ = gateway.StandardError.ReadToEndAsync(limit.Token);

            await S27_nobody_can_attach_to_the_gateway_or_its_workers(line[Said.Length..], gateway.Id, limit.Token);
            using Process test = Start(Key, "gateway", "--self-test", line[Said.Length..]);
            string output = await test.StandardOutput.ReadToEndAsync(limit.Token);
            await test.WaitForExitAsync(limit.Token);
            Assert.True(test.ExitCode == 0, output);
            Assert.Contains(" 0 failed, 0 skipped", output, StringComparison.Ordinal);
            Assert.DoesNotContain("FAILED", output, StringComparison.Ordinal);

            using Process stranger = Start("another-key-0123456789-abcdefghij", "gateway", "--self-test", line[Said.Length..]);
            output = await stranger.StandardOutput.ReadToEndAsync(limit.Token);
            await stranger.WaitForExitAsync(limit.Token);
            Assert.True(stranger.ExitCode == 4, output);
        }
        finally
        {
            await EndAsync(gateway, limit.Token);
        }
        Assert.Equal(0, gateway.ExitCode);
    }

    private static async Task S27_nobody_can_attach_to_the_gateway_or_its_workers(string url, int gateway, CancellationToken limit)
    {
        using HttpClient http = new() { BaseAddress = new Uri(url) };
        http.DefaultRequestHeaders.Add("X-API-Key", Key);
        JsonNode stats = JsonNode.Parse(await http.GetStringAsync("/stats", limit))!;
        int[] processes = [gateway, .. stats["workers"]!.AsArray().Select(worker => (int?)worker!["pid"]).OfType<int>()];
        Assert.True(processes.Length > 1);
        foreach (int process in processes)
        {
            // One that nobody listens to was left by a process that had this number before and was killed.
            string[] ports = Directory.GetFileSystemEntries(Path.GetTempPath(), $"dotnet-diagnostic-{process}-*");
            Assert.DoesNotContain(ports, IsListenedTo);
        }
    }

    private static bool IsListenedTo(string path)
    {
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static Process Start(string key, params string[] arguments)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "Varve.Mcp.Cli" + (OperatingSystem.IsWindows() ? ".exe" : ""));
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["API_KEY"] = key;
        return Process.Start(start)!;
    }

    private static async Task EndAsync(Process gateway, CancellationToken limit)
    {
        if (OperatingSystem.IsWindows()) gateway.Kill(entireProcessTree: true);
        else using (Process kill = Process.Start("kill", ["-TERM", $"{gateway.Id}"])) await kill.WaitForExitAsync(limit);
        await gateway.WaitForExitAsync(limit);
    }
}
