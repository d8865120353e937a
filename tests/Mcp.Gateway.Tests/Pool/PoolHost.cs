using System.Text.Json.Nodes;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Gateway.Pool;

namespace Varve.Mcp.Gateway.Tests.Pool;

/// <summary>A pool of test workers. None of their processes may be there after it.</summary>
internal sealed class PoolHost : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _directory;

    private PoolHost(WorkerPool pool, PoolLogRecords log, string directory) => (Pool, Log, _directory) = (pool, log, directory);

    public WorkerPool Pool { get; }

    public PoolLogRecords Log { get; }

    /// <summary>While it exists no worker starts.</summary>
    public string FailsFile => Path.Combine(_directory, "fails");

    /// <summary>The processes that were workers, in the order of their starts.</summary>
    public int[] Pids => File.Exists(StartsFile) ? [.. File.ReadAllLines(StartsFile).Select(line => int.Parse(line, null))] : [];

    private string StartsFile => Path.Combine(_directory, "starts");

    public static PoolHost Start(Action<GatewayOptions>? configure = null, string mode = "", bool fails = false)
    {
        string directory = Directory.CreateTempSubdirectory("varve-pool-").FullName;
        PoolLogRecords log = new();
        GatewayOptions options = Options(directory, mode);
        configure?.Invoke(options);
        WorkerPool pool = new(Microsoft.Extensions.Options.Options.Create(options), TimeProvider.System, log);
        PoolHost host = new(pool, log, directory);
        if (fails) File.WriteAllText(host.FailsFile, "");
        pool.StartAsync(CancellationToken.None).GetAwaiter().GetResult();
        return host;
    }

    /// <summary>As a test wants them: few workers, short waits.</summary>
    public static GatewayOptions Options(string directory, string mode = "") => new()
    {
        Worker = new WorkerCommand("dotnet", TestWorker.Path)
        {
            Launcher = ["dotnet", TestWorker.Path, "launch", "--"],
            Environment = new Dictionary<string, string?>
            {
                ["VARVE_WORKER_STARTS"] = Path.Combine(directory, "starts"),
                ["VARVE_WORKER_FAILS"] = Path.Combine(directory, "fails"),
                ["VARVE_WORKER_MODE"] = mode,
            },
        },
        WorkersMin = 1,
        WorkersMax = 1,
        StartTimeout = Patience,
        RestartDelay = TimeSpan.FromMilliseconds(10),
        RestartDelayMax = TimeSpan.FromMilliseconds(50),
    };

    public Task<JsonNode?> CallAsync(
        string tool, JsonObject? arguments = null, Func<JsonRpcNotification, ValueTask>? notify = null,
        CancellationToken cancellation = default) =>
        Pool.SendAsync(Request(tool, arguments, notify), cancellation).WaitAsync(Patience, CancellationToken.None);

    public static PoolRequest Request(
        string tool, JsonObject? arguments = null, Func<JsonRpcNotification, ValueTask>? notify = null) =>
        new(RequestMethods.ToolsCall, new JsonObject { ["name"] = tool, ["arguments"] = arguments ?? [] }, notify);

    /// <summary>The text of a tool's answer.</summary>
    public async Task<string> TextAsync(string tool, JsonObject? arguments = null, CancellationToken cancellation = default) =>
        TextOf(await CallAsync(tool, arguments, cancellation: cancellation));

    public static string TextOf(JsonNode? result) => (string)result!["content"]![0]!["text"]!;

    public Task ReadyAsync() => Pool.Ready.WaitAsync(Patience);

    /// <summary>Waits until the pool is so.</summary>
    public async Task UntilAsync(Func<PoolStatus, bool> isSo)
    {
        DateTime end = DateTime.UtcNow + Patience;
        while (!isSo(Pool.Status))
        {
            if (DateTime.UtcNow > end)
                Assert.Fail($"The pool is {Pool.Status}: {string.Join(", ", Pool.Status.Workers)}\n{Log.Text}");
            await Task.Delay(5);
        }
    }

    /// <summary>A call that is under way at a worker, and until it is cancelled.</summary>
    public async Task<Task<JsonNode?>> WaitingCallAsync(string name, CancellationToken cancellation)
    {
        TaskCompletionSource begun = new();
        Task<JsonNode?> call = Pool.SendAsync(Request("wait", new JsonObject { ["name"] = name }, _ =>
        {
            begun.TrySetResult();
            return default;
        }), cancellation);
        if (await Task.WhenAny(begun.Task, call).WaitAsync(Patience) == call) await call;
        return call;
    }

    public async ValueTask DisposeAsync()
    {
        await Pool.DisposeAsync();
        await Processes.GoneAsync(Pids);
        Directory.Delete(_directory, recursive: true);
    }
}
