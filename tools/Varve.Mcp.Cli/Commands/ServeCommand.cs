using System.CommandLine;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using ModelContextProtocol.Server;
using Varve.Mcp.Cli.Servers;
using Varve.Mcp.Gateway.Pool;

namespace Varve.Mcp.Cli.Commands;

/// <summary><c>varve-mcp serve</c></summary>
internal static class ServeCommand
{
    private const string EchoName = "echo";
    private const string SamplingName = "sampling";
    private const string SyncedName = "synced";
    private const string BufferedName = "buffered";

    /// <summary>What makes a worker of a server.</summary>
    public const string WorkerName = "--worker";

    public static VarveCommand Create(Terminal terminal)
    {
        Option<string> server = Inputs.Server("Which server.");
        Option<string> transport = Inputs.Transport(
            "stdio: the program that starts this one is its client; http: any number of clients at http://localhost:PORT/mcp.",
            Inputs.StdioName);
        Option<int> port = Inputs.Port();
        Option<string> data = Inputs.Data();
        Option<string> durability = Choice(
            "--durability", "When calls, steps and outcomes are acknowledged: on the device, or out of the process.",
            SyncedName, BufferedName);
        Option<string> executor = Choice(
            "--executor", "Who does the tasks of the orchestrator: echo says they are done, sampling asks the client's language model.",
            EchoName, SamplingName);
        Option<string> offer = Choice("--offer", Inputs.OfferDescription, [.. Inputs.Offers.Keys]);
        var seed = new Option<int?>("--seed") { Description = "Makes what the examples do by chance the same each time.", HelpName = "N" };
        var valueBytes = new Option<int>("--value-bytes-max")
        {
            Description = "Bytes of a value that map_insert takes, at most.",
            HelpName = "N",
            DefaultValueFactory = _ => Limits.ValueBytes,
        };
        var origins = new Option<string[]>("--allow-origin")
        {
            Description = "A web page's origin that may call over http, such as http://localhost:6274. Can be given several times.",
            HelpName = "ORIGIN",
        };
        var validate = new Option<bool>("--validate-steps")
        {
            Description = "For development: run what may run again twice, and fail where that gives two results.",
        };
        var verbose = new Option<bool>("--verbose") { Description = "Log what happens, not only what goes wrong, on standard error." };
        var worker = new Option<bool>(WorkerName)
        {
            Description = "Run the calls of the gateway that has started this process, in its directory. Nobody else does it.",
            Hidden = true,
        };
        var command = new VarveCommand(
            "serve",
            "Serve one of the example servers, or all of them as one. Over stdio the output carries nothing but the protocol.",
            "varve-mcp serve --server tasks",
            "varve-mcp serve --server all --transport http --port 9991 --data ./mcp-data",
            "varve-mcp serve --transport http --allow-origin http://localhost:6274")
        {
            server, transport, port, data, durability, executor, offer, seed, valueBytes, origins, validate, verbose, worker,
        };
        command.Run(async (parsed, cancellation) =>
        {
            var settings = new ServeSettings(parsed.GetRequiredValue(server), parsed.GetRequiredValue(data))
            {
                Port = parsed.GetRequiredValue(port),
                Durability = parsed.GetValue(durability) == BufferedName ? Durability.Buffered : Durability.Synced,
                OfferedTools = Inputs.Offers[parsed.GetRequiredValue(offer)],
                ValidatesSteps = parsed.GetValue(validate),
                IsVerbose = parsed.GetValue(verbose),
                IsWorker = parsed.GetValue(worker),
                AllowedOrigins = parsed.GetValue(origins) ?? [],
                Servers = new ServerSettings(
                    parsed.GetValue(seed), parsed.GetValue(executor) == SamplingName, CheckValueBytes(parsed.GetRequiredValue(valueBytes))),
            };
            if (settings.IsWorker) return await RunWorkerAsync(parsed.GetValue(transport), settings, cancellation);
            if (parsed.GetValue(transport) == Inputs.HttpName) await RunHttpAsync(terminal, settings, cancellation);
            else await RunStdioAsync(settings, cancellation);
            return ExitCode.Ok;
        });
        return command;
    }

    private static async Task<int> RunWorkerAsync(string? transport, ServeSettings settings, CancellationToken cancellation)
    {
        if (transport == Inputs.HttpName) throw CommandFailureException.Usage($"{WorkerName} is of stdio only.");
        if (!ProcessGroup.LeadOwn()) throw new CommandFailureException(ExitCode.System, "The gateway that wanted this worker has ended.");
        using IHost host = ServerHost.BuildStdio(settings);
        await host.RunAsync(cancellation);
        return ExitCode.Ok;
    }

    private static async Task RunStdioAsync(ServeSettings settings, CancellationToken cancellation)
    {
        using IHost host = ServerHost.BuildStdio(settings);

        // The client waits for its first answer: tools and their schemas are made while the database is opened.
        Task tools = Task.Run(() => host.Services.GetRequiredService<IOptions<McpServerOptions>>().Value, CancellationToken.None);
        await host.RunAsync(cancellation);
        await tools;
    }

    private static async Task RunHttpAsync(Terminal terminal, ServeSettings settings, CancellationToken cancellation)
    {
        await using WebApplication application = ServerHost.BuildHttp(settings);
        await application.StartAsync(cancellation);
        await terminal.Error.WriteLineAsync($"Serving {settings.Server} at {ServerHost.UrlOf(settings.Port)}, data in {settings.Data}");
        await application.WaitForShutdownAsync(cancellation);
    }

    private static int CheckValueBytes(int bytes) => bytes is >= 1 and <= Limits.MessageBytes
        ? bytes
        : throw CommandFailureException.Usage($"--value-bytes-max is 1 to {Limits.MessageBytes}, not {bytes}.");

    /// <summary>The first value is the default.</summary>
    private static Option<string> Choice(string name, string description, params string[] values)
    {
        var option = new Option<string>(name)
        {
            Description = description,
            HelpName = string.Join('|', values),
            DefaultValueFactory = _ => values[0],
        };
        option.AcceptOnlyFromAmong(values);
        return option;
    }
}
