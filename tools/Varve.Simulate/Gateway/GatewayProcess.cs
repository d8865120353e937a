using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace Varve.Simulate.Gateway;

/// <summary>A <c>varve-mcp gateway</c> of our own, on a directory and a port of its own.</summary>
internal sealed class GatewayProcess : IAsyncDisposable
{
    private const string KeyVariable = "API_KEY";
    private const string CommandName = "varve-mcp";

    private static readonly TimeSpan StartMax = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan EndMax = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly string _directory;

    private GatewayProcess(Process process, string directory, Uri url, string key)
    {
        (_process, _directory, Url) = (process, directory, url);
        Http = new HttpClient { BaseAddress = url, Timeout = TimeSpan.FromMinutes(2) };
        Http.DefaultRequestHeaders.Add("X-API-Key", key);
        Key = key;
    }

    public Uri Url { get; }

    public string Key { get; }

    public HttpClient Http { get; }

    public int Pid => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>The program as it is built beside this one.</summary>
    public static string ProgramDefault
    {
        get
        {
            string name = CommandName + (OperatingSystem.IsWindows() ? ".exe" : "");
            string target = new DirectoryInfo(AppContext.BaseDirectory).Name;
            DirectoryInfo? folder = new(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Engine.sln"))) folder = folder.Parent;
            return folder is null ? name : Path.Combine(folder.FullName, "tools", "Varve.Mcp.Cli", "bin", "Release", target, name);
        }
    }

    /// <param name="program">The varve-mcp.</param>
    /// <param name="directory">Its data.</param>
    /// <param name="workersMin">Workers at least.</param>
    /// <param name="workersMax">Workers at most.</param>
    /// <param name="options">More of its options.</param>
    public static async Task<GatewayProcess> StartAsync(
        string program, string directory, int workersMin, int workersMax, params string[] options)
    {
        string key = Guid.NewGuid().ToString("N") + Guid.NewGuid().ToString("N");
        int port = FreePort();
        var start = new ProcessStartInfo(
            program,
            [
                "gateway", "--port", Text(port), "--data", directory, "--min-workers", Text(workersMin), "--max-workers", Text(workersMax),
                "--rate-limit", "1000000", "--rate-burst", "1000000", .. options,
            ])
        {
            UseShellExecute = false,
            RedirectStandardError = true,
        };
        start.Environment[KeyVariable] = key;
        Process process = Process.Start(start) ?? throw new InvalidOperationException($"{program} could not be started.");

        // Read, so that a full pipe does not stop it; kept for nobody but who looks into a failure.
        string log = Path.Combine(Path.GetDirectoryName(directory)!, "gateway.log");
        process.ErrorDataReceived += (_, line) => File.AppendAllText(log, line.Data + Environment.NewLine);
        process.BeginErrorReadLine();
        var gateway = new GatewayProcess(process, directory, new Uri($"http://127.0.0.1:{Text(port)}"), key);
        await gateway.WaitUntilReadyAsync();
        return gateway;
    }

    public async Task<JsonNode> GetStatsAsync()
    {
        using Stream answer = await Http.GetStreamAsync(new Uri(Url, "/stats"));
        return (await JsonNode.ParseAsync(answer))!;
    }

    /// <summary>Processes of workers that run.</summary>
    public async Task<int[]> ListWorkersAsync() =>
        [.. (await GetStatsAsync())["workers"]!.AsArray().Select(worker => (int?)worker!["pid"]).OfType<int>()];

    /// <summary>Processes whose command line names the directory, other than the gateway itself.</summary>
    public List<int> FindProcesses()
    {
        List<int> found = [];
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out int pid) || pid == Pid) continue;
            try
            {
                if (File.ReadAllText(Path.Combine(folder, "cmdline")).Contains(_directory, StringComparison.Ordinal)) found.Add(pid);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                // It has ended meanwhile.
            }
        }
        return found;
    }

    /// <summary>Ends it as an operator does, and waits.</summary>
    public async Task StopAsync()
    {
        using (Process kill = Process.Start("kill", ["-TERM", Text(Pid)])) await kill.WaitForExitAsync();
        await _process.WaitForExitAsync().WaitAsync(EndMax);
        if (_process.ExitCode != 0) throw new InvalidDataException($"The gateway ended with {_process.ExitCode}.");
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private async Task WaitUntilReadyAsync()
    {
        long begun = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begun) < StartMax && !HasExited)
        {
            try
            {
                using HttpResponseMessage ready = await Http.GetAsync(new Uri(Url, "/health/ready"));
                if (ready.IsSuccessStatusCode) return;
            }
            catch (HttpRequestException)
            {
                // It does not listen yet.
            }
            await Task.Delay(50);
        }
        throw new TimeoutException("The gateway did not become ready.");
    }

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
