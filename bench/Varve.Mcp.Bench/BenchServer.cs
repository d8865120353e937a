using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using ModelContextProtocol.Server;

namespace Varve.Mcp.Bench;

/// <summary>How the server of a measurement is built.</summary>
internal enum ServerKind
{
    /// <summary>The SDK's server alone; it has stdio only.</summary>
    Plain,

    /// <summary>Hosted by this library, without a journal.</summary>
    Hosted,

    /// <summary>With a journal, buffered.</summary>
    Journaled,
}

/// <summary>The server that is measured, in a process of its own: this program again.</summary>
internal static class BenchServer
{
    public const string CommandName = "serve";

    public static Command CreateCommand()
    {
        var kind = new Argument<ServerKind>("kind");
        var transport = new Argument<string>("transport");
        var command = new Command(CommandName, "The server of a measurement.") { kind, transport };
        command.Hidden = true;
        command.SetAction(async (parsed, cancellation) =>
        {
            string directory = Directory.CreateTempSubdirectory("varve-mcp-bench-").FullName;
            try
            {
                if (parsed.GetValue(transport) == "http") await ServeHttpAsync(parsed.GetValue(kind), directory, cancellation);
                else await ServeStdioAsync(parsed.GetValue(kind), directory, cancellation);
            }
            finally
            {
                Directory.Delete(directory, recursive: true);
            }
        });
        return command;
    }

    /// <summary>Writes its address, and ends with its input.</summary>
    private static async Task ServeHttpAsync(ServerKind kind, string directory, CancellationToken cancellation)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        AddServer(builder.Services, kind, directory);
        await using WebApplication application = builder.Build();
        application.MapVarveMcp();
        await application.StartAsync(cancellation);
        Console.WriteLine(application.Urls.Single());
        await Console.In.ReadToEndAsync(cancellation);
        await application.StopAsync(cancellation);
    }

    private static async Task ServeStdioAsync(ServerKind kind, string directory, CancellationToken cancellation)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        IMcpServerBuilder server = AddServer(builder.Services, kind, directory);
        if (kind == ServerKind.Plain) server.WithStdioServerTransport();
        else server.WithVarveStdio();
        using IHost host = builder.Build();
        await host.RunAsync(cancellation);
    }

    private static IMcpServerBuilder AddServer(IServiceCollection services, ServerKind kind, string directory)
    {
        IMcpServerBuilder server = services.AddMcpServer().WithTools<BenchTools>();
        if (kind == ServerKind.Plain) return server;
        server.AddVarveMcp();
        if (kind == ServerKind.Hosted) return server;
        return server.WithVarveJournal(options =>
        {
            options.DataDirectory = directory;
            options.Journal.Durability = Durability.Buffered;
        });
    }
}

/// <summary>What is called.</summary>
internal sealed class BenchTools
{
    public const string NoteName = "note";
    public const string ReadName = "read";
    public const string WaitName = "wait";
    public const string WorkName = "work";

    [McpServerTool(Name = NoteName), Description("Takes a note: may change something, so that its calls are journaled.")]
    public static string Note(string text) => $"noted {text}";

    [McpServerTool(Name = ReadName, ReadOnly = true)]
    [Description("Gives the text back, and changes nothing: its calls are not journaled.")]
    public static string Read(string text) => text;

    [McpServerTool(Name = WaitName, ReadOnly = true), Description("Waits, without a processor.")]
    public static async Task<string> WaitAsync(int milliseconds, CancellationToken cancellation)
    {
        await Task.Delay(milliseconds, cancellation);
        return "waited";
    }

    [McpServerTool(Name = WorkName, ReadOnly = true), Description("Keeps one processor busy.")]
    public static string Work(int microseconds)
    {
        long begun = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begun).TotalMicroseconds < microseconds) Thread.SpinWait(20);
        return "worked";
    }
}
