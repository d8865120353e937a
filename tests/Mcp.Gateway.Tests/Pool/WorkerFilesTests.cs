using Microsoft.Extensions.Logging.Abstractions;
using Varve.Mcp.Cli.Commands;
using Varve.Mcp.Gateway.Pool;

namespace Varve.Mcp.Gateway.Tests.Pool;

/// <summary>What <c>--reload</c> does.</summary>
public sealed class WorkerFilesTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("varve-reload-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Workers_are_exchanged_when_a_file_of_their_programs_kind_changes()
    {
        await using PoolHost host = PoolHost.Start();
        await host.ReadyAsync();
        int[] old = host.Pids;
        using var files = new WorkerFiles(Path.Combine(_directory, "server.py"), host.Pool, NullLogger<WorkerFiles>.Instance);
        await files.StartAsync(CancellationToken.None);
        Directory.CreateDirectory(Path.Combine(_directory, "parts"));

        // Again and again: from when on files are watched cannot be known. Each change waits for half a second of quiet.
        bool isExchanged = SpinWait.SpinUntil(
            () =>
            {
                File.WriteAllText(Path.Combine(_directory, "parts", "module.py"), $"{Environment.TickCount64}");
                return SpinWait.SpinUntil(() => host.Pids.Length > old.Length, TimeSpan.FromSeconds(5));
            },
            PoolHost.Patience);
        Assert.True(isExchanged);
        await host.UntilAsync(pool => pool.Workers is [{ State: WorkerState.Ready, Pid: { } pid }] && !old.Contains(pid));
        await files.StopAsync(CancellationToken.None);
    }
}
