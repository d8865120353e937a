using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Varve.Mcp.Gateway.Pool;

namespace Varve.Mcp.Cli.Commands;

/// <summary>Exchanges the workers when their program has changed: for development.</summary>
internal sealed partial class WorkerFiles(string file, WorkerPool pool, ILogger<WorkerFiles> logger) : BackgroundService
{
    /// <summary>A build writes many files one after another.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(500);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var changed = new SemaphoreSlim(0, 1);
        // Parts of a program are files of the same kind beside it: libraries, or modules of a script.
        string kind = Path.GetExtension(file);
        using var watcher = new FileSystemWatcher(Path.GetDirectoryName(file)!, kind.Length > 0 ? "*" + kind : Path.GetFileName(file));
        watcher.IncludeSubdirectories = kind.Length > 0;
        void Tell(object sender, FileSystemEventArgs change)
        {
            lock (changed)
                if (changed.CurrentCount == 0) changed.Release();
        }

        watcher.Changed += Tell;
        watcher.Created += Tell;
        watcher.Renamed += Tell;
        watcher.EnableRaisingEvents = true;
        while (!stoppingToken.IsCancellationRequested)
        {
            await changed.WaitAsync(stoppingToken);
            while (await changed.WaitAsync(Quiet, stoppingToken))
            {
                // Not yet.
            }

            LogChanged(logger, watcher.Path);
            try
            {
                await pool.RestartAllAsync();
            }
            catch (WorkerLostException lost)
            {
                LogNotStarted(logger, lost.Message);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Files in '{Folder}' have changed: the workers are exchanged.")]
    private static partial void LogChanged(ILogger logger, string folder);

    [LoggerMessage(2, LogLevel.Warning, "The changed worker could not be started, and those that are there go on: {Reason}")]
    private static partial void LogNotStarted(ILogger logger, string reason);
}
