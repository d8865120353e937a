using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ModelContextProtocol.Server;
using Varve.Mcp.Subscriptions;

namespace Varve.Mcp.Stdio;

/// <summary>
/// Serves the one client of standard input and output; when it leaves, calls may still finish for a while, then the program stops.
/// </summary>
internal sealed class StdioHost(
    StdioStreams streams, IOptions<VarveMcpOptions> options, IOptions<McpServerOptions> serverOptions, TimeProvider time,
    SubscriptionHandlers subscriptions, IHostApplicationLifetime lifetime, ILoggerFactory loggers, IServiceProvider services)
    : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await using StdioTransport transport = new(streams.Input, streams.Output, options.Value.MessageBytesMax, loggers);
            await using McpServer server = McpServer.Create(transport, serverOptions.Value, loggers, services);
            using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            Task serving = server.RunAsync(ending.Token);
            await Task.WhenAny(serving, transport.InputEnded);
            if (options.Value.Stdio.ExitTimeout is { } limit) ExitAfter(limit);
            subscriptions.EndStreams();
            using CancellationTokenSource draining = new(options.Value.Stdio.DrainTimeout, time);
            using CancellationTokenRegistration drained = draining.Token.Register(ending.Cancel);
            await serving;
        }
        finally
        {
            lifetime.StopApplication();
        }
    }

    private void ExitAfter(TimeSpan limit) => Task.Delay(limit, time).ContinueWith(
        _ => Environment.Exit(0), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
}

/// <summary>Where a stdio server reads and writes.</summary>
internal sealed record StdioStreams(Stream Input, Stream Output)
{
    /// <summary>
    /// The process's own. What programs print goes to standard error from now on: standard output carries nothing but the protocol.
    /// </summary>
    public static StdioStreams OfProcess()
    {
        StdioStreams streams = new(Console.OpenStandardInput(), Console.OpenStandardOutput());
        Console.SetOut(Console.Error);
        return streams;
    }
}
