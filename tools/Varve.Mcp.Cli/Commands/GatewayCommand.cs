using System.CommandLine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Varve.Mcp.Cli.SelfTest;
using Varve.Mcp.Cli.Servers;
using Varve.Mcp.Gateway;
using Varve.Mcp.Gateway.Access;

namespace Varve.Mcp.Cli.Commands;

/// <summary><c>varve-mcp gateway</c></summary>
internal sealed class GatewayCommand
{
    /// <summary>Keys between commas.</summary>
    public const string KeysVariable = "API_KEY";

    private const int WorkersMost = 256;
    private const int BodyBytesMost = 64 << 20;

    /// <summary>The names that other programs have for them, and .NET's.</summary>
    private static readonly Dictionary<string, LogLevel> LogLevels = new(StringComparer.OrdinalIgnoreCase)
    {
        ["DEBUG"] = LogLevel.Debug,
        ["INFO"] = LogLevel.Information,
        ["WARNING"] = LogLevel.Warning,
        ["ERROR"] = LogLevel.Error,
        ["CRITICAL"] = LogLevel.Critical,
        ["Trace"] = LogLevel.Trace,
        ["Information"] = LogLevel.Information,
        ["None"] = LogLevel.None,
    };

    private readonly GatewayInput _host = GatewayInput.Of("--host", null, "Host", "ADDRESS", "The address to listen on.");
    private readonly GatewayInput _port = GatewayInput.Of("--port", null, "Port", "PORT", "The port; default 8000.");
    private readonly GatewayInput _data = GatewayInput.Of("--data", null, "Data", "DIR", "The directory of the database.");

    private readonly GatewayInput _worker = GatewayInput.Of(
        "--worker", null, "Worker", "COMMAND", "A program that serves MCP over stdio; default: this one's example servers.");

    private readonly GatewayInput _server = GatewayInput.Of(
        "--server", null, "Server", string.Join('|', ServerCatalog.Names), "Which example servers; default all.");

    private readonly GatewayInput _min = GatewayInput.Of(
        "--min-workers", "MIN_WORKERS", "MinWorkers", "N", "Workers that there always are; default 2.");

    private readonly GatewayInput _max = GatewayInput.Of(
        "--max-workers", "MAX_WORKERS", "MaxWorkers", "N", "Workers at most; default 8.");

    private readonly GatewayInput _timeout = GatewayInput.Of(
        "--request-timeout", "MCP_REQUEST_TIMEOUT", "RequestTimeout", "SECONDS", "How long a call may take in all; default 60.");

    private readonly GatewayInput _concurrency = GatewayInput.Of(
        "--worker-concurrency", "WORKER_CONCURRENCY", "WorkerConcurrency", "N", "Calls that one worker has under way; default 8.");

    private readonly GatewayInput _queue = GatewayInput.Of(
        "--queue-limit", "QUEUE_LIMIT", "QueueLimit", "N", "Calls that wait for a worker; default 256.");

    private readonly GatewayInput _idle = GatewayInput.Of(
        "--worker-idle", "WORKER_IDLE_SECONDS", "WorkerIdle", "SECONDS",
        "How long a worker beyond the least may have nothing to do; default 10.");

    private readonly GatewayInput _rate = GatewayInput.Of(
        "--rate-limit", "RATE_LIMIT_PER_SECOND", "RateLimit", "N", "Requests a second of one key; default 200.");

    private readonly GatewayInput _burst = GatewayInput.Of(
        "--rate-burst", "RATE_LIMIT_BURST", "RateBurst", "N", "Requests at once of one key; default 400.");

    private readonly GatewayInput _origins = GatewayInput.Of(
        "--allow-origin", "CORS_ORIGINS", "AllowOrigins", "ORIGIN",
        "A web page's origin that may call. Can be given several times.", isList: true);

    private readonly GatewayInput _hosts = GatewayInput.Of(
        "--allow-host", null, "AllowHosts", "NAME", "A name that requests may be sent to. Can be given several times.", isList: true);

    private readonly GatewayInput _body = GatewayInput.Of(
        "--body-bytes-max", null, "BodyBytesMax", "N", "Bytes of a body, but for /mcp; default 1 MiB.");

    private readonly GatewayInput _keyFile = GatewayInput.Of(
        "--api-key-file", "API_KEY_FILE", "ApiKeyFile", "FILE", "Lines name:secret, for its owner only. Or keys in API_KEY.");

    private readonly GatewayInput _log = GatewayInput.Of(
        "--log-level", "LOG_LEVEL", "LogLevel", "LEVEL", "DEBUG, INFO, WARNING, ERROR or one of .NET's; default INFO.");

    private readonly GatewayInput _durability = GatewayInput.Of(
        "--durability", null, "Durability", "synced|buffered", "When calls and their results are acknowledged; default synced.");

    private readonly GatewayInput _offer = GatewayInput.Of(
        "--offer", null, "Offer", string.Join('|', Commands.Inputs.Offers.Keys), Commands.Inputs.OfferDescription + " Default all.");

    private readonly Option<bool> _remote = new("--allow-remote") { Description = "Other addresses than loopback may be listened on." };
    private readonly Option<bool> _proxy = new("--behind-proxy") { Description = "A proxy in front ends TLS." };
    private readonly Option<bool> _reload = new("--reload") { Description = "For development: new workers when their program changes." };

    private readonly Option<bool> _development = new("--development")
    {
        Description = "Take short and known keys, which anybody may guess.",
    };

    private readonly Option<string?> _selfTest = new("--self-test")
    {
        Description = "Serve nothing: use the gateway that runs at this address, with its key in API_KEY, and check its answers.",
        HelpName = "URL",
    };

    private readonly Option<string?> _config = new("--config")
    {
        Description = "A settings file: sections Gateway and Kestrel; default appsettings.json where there is one.",
        HelpName = "FILE",
    };

    private readonly Terminal _terminal;

    private GatewayCommand(Terminal terminal) => _terminal = terminal;

    private IEnumerable<GatewayInput> Inputs =>
    [
        _host, _port, _worker, _data, _server, _min, _max, _timeout, _concurrency, _queue, _idle, _rate, _burst, _origins, _hosts, _body,
        _keyFile, _log, _durability, _offer,
    ];

    public static VarveCommand Create(Terminal terminal) => new GatewayCommand(terminal).Create();

    /// <summary>The settings of a command line, without starting anything.</summary>
    internal static GatewaySettings Read(string[] arguments, Func<string, string?> environment, Terminal terminal)
    {
        var gateway = new GatewayCommand(terminal);
        ParseResult parsed = gateway.Create().Parse(arguments);
        if (parsed.Errors is [var error, ..]) throw CommandFailureException.Usage(error.Message);
        return gateway.Read(parsed, environment).Settings;
    }

    private VarveCommand Create()
    {
        var command = new VarveCommand(
            "gateway",
            "Serve MCP servers to many clients: over REST, Server-Sent Events, WebSockets and MCP, by a pool of worker processes.",
            "varve-mcp gateway --port 8000",
            "MIN_WORKERS=4 MAX_WORKERS=16 varve-mcp gateway --data ./gateway-data",
            "varve-mcp gateway --worker 'python3 server.py --fast'",
            "varve-mcp gateway --self-test http://localhost:8000");
        foreach (GatewayInput input in Inputs) command.Options.Add(input.Option);
        foreach (Option option in (Option[])[_remote, _proxy, _config, _reload, _development, _selfTest]) command.Options.Add(option);
        command.Run(async (parsed, cancellation) =>
        {
            if (parsed.GetValue(_selfTest) is { } url) return await TestAsync(parsed, url, cancellation);
            await RunAsync(parsed, cancellation);
            return ExitCode.Ok;
        });
        return command;
    }

    /// <summary>Uses a gateway that runs.</summary>
    private async Task<int> TestAsync(ParseResult parsed, string url, CancellationToken cancellation)
    {
        bool isUrl = Uri.TryCreate(url, UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https";
        if (!isUrl) throw CommandFailureException.Usage($"--self-test is a gateway's address, such as http://localhost:8000, not '{url}'.");
        var source = new GatewaySource(parsed, ReadFile(parsed.GetValue(_config)), Environment.GetEnvironmentVariable);
        GatewayKeys known = ReadKeys(source, Environment.GetEnvironmentVariable, isDevelopment: true, isRemote: false);
        using var gateway = new GatewayClient(address!, known.Made is null ? known.Keys.Values.First() : null);
        int failed = await new GatewaySelfTest(gateway, _terminal.Output).RunAsync(cancellation);
        return failed == 0 ? ExitCode.Ok : ExitCode.CheckFailed;
    }

    private async Task RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        (GatewaySettings settings, string? madeKey) = Read(parsed, Environment.GetEnvironmentVariable);
        await using WebApplication application = GatewayHost.Build(settings);
        try
        {
            await application.StartAsync(cancellation);
        }
        catch (Exception failure)
        {
            // What has begun is told that it ends; else its end is logged as a failure of its own.
            application.Lifetime.StopApplication();
            if (failure is not InvalidOperationException refused) throw;
            throw CommandFailureException.Usage(refused.Message);
        }

        ICollection<string> urls = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        string key = madeKey is null ? "" : $", with the key {madeKey} (made for this run: set API_KEY or --api-key-file to keep one)";
        await _terminal.Error.WriteLineAsync($"Serving at {string.Join(", ", urls)}{key}");
        await WaitForEndAsync(application, cancellation);
    }

    /// <summary>Told to stop it lets calls end for a while; told again it stops at once.</summary>
    private static async Task WaitForEndAsync(WebApplication application, CancellationToken cancellation)
    {
        var over = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        ConsoleCancelEventHandler again = (_, pressed) =>
        {
            if (!cancellation.IsCancellationRequested) return;
            pressed.Cancel = true;
            over.TrySetResult();
        };
        Console.CancelKeyPress += again;
        try
        {
            Task ending = application.WaitForShutdownAsync(cancellation);
            if (await Task.WhenAny(ending, over.Task) == over.Task) Environment.Exit(ExitCode.Canceled);
            await ending;
        }
        finally
        {
            Console.CancelKeyPress -= again;
        }
    }

    private (GatewaySettings Settings, string? MadeKey) Read(ParseResult parsed, Func<string, string?> environment)
    {
        IConfiguration file = ReadFile(parsed.GetValue(_config));
        var source = new GatewaySource(parsed, file, environment);
        string data = source.Text(_data) ?? Commands.Inputs.DataDefault;
        string host = source.Text(_host) ?? "127.0.0.1";
        if (!GatewayHost.IsHost(host)) throw CommandFailureException.Usage($"--host is an address of this machine, not '{host}'.");
        string? command = source.Text(_worker);
        string? server = source.Text(_server);
        if (command is not null && server is not null)
            throw CommandFailureException.Usage("--server is of this program's workers, and --worker names another program: not both.");
        string served = source.Choice(_server, ServerCatalog.AllName, ServerCatalog.Names.ToDictionary(name => name));
        Durability durability = source.Choice(
            _durability,
            Durability.Synced,
            new Dictionary<string, Durability> { ["synced"] = Durability.Synced, ["buffered"] = Durability.Buffered });
        WorkerCommand worker =
            command is null ? WorkerCommands.OfServer(served, data, durability) : WorkerCommands.OfCommand(command, _worker.Option.Name);
        bool isRemote = source.Is(_remote, "AllowRemote");
        if (!isRemote && !GatewayHost.IsLoopback(host))
            throw CommandFailureException.Usage(
                $"--host {host} can be reached from elsewhere: that needs --allow-remote, keys, and TLS or --behind-proxy.");
        IReadOnlyList<string> origins = source.List(_origins);
        if (origins.FirstOrDefault(origin => !IsOrigin(origin)) is { } wrong)
            throw CommandFailureException.Usage($"--allow-origin is a page's origin, such as https://app.example, not '{wrong}'.");
        GatewayKeys keys = ReadKeys(
            source, environment, source.Is(_development, "Development"), isRemote || !GatewayHost.IsLoopback(host));
        return (new GatewaySettings
        {
            Host = host,
            Port = source.Number(_port, usual: 8_000, least: 0, most: 65_535),
            Data = data,
            Server = command is null ? served : null,
            Worker = worker,
            Configure = Configure(source),
            Keys = keys.Keys,
            AllowedOrigins = origins,
            AllowedHosts = source.List(_hosts),
            AllowsRemote = isRemote,
            IsBehindProxy = source.Is(_proxy, "BehindProxy"),
            OfferedTools = source.Choice(_offer, OfferedTools.All, Commands.Inputs.Offers),
            LogLevel = source.Choice(_log, LogLevel.Information, LogLevels),
            Watched = source.Is(_reload, "Reload") ? WorkerCommands.FileOf(worker) : null,
            Durability = durability,
            Kestrel = file.GetSection("Kestrel") is { } kestrel && kestrel.Exists() ? kestrel : null,
        }, keys.Made);
    }

    /// <summary>What a browser sends: no path, no usual port.</summary>
    private static bool IsOrigin(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https"
        && url.GetLeftPart(UriPartial.Authority).Equals(text, StringComparison.OrdinalIgnoreCase);

    private GatewayKeys ReadKeys(GatewaySource source, Func<string, string?> environment, bool isDevelopment, bool isRemote)
    {
        try
        {
            return GatewayKeys.Read(environment(KeysVariable), source.Text(_keyFile), isDevelopment, isRemote);
        }
        catch (InvalidOperationException refused)
        {
            throw CommandFailureException.Usage(refused.Message);
        }
    }

    /// <summary>Everything is read, and complained of, before anything starts.</summary>
    private Action<GatewayOptions> Configure(GatewaySource source)
    {
        var usual = new GatewayOptions();
        int min = source.Number(_min, usual.WorkersMin, least: 1, WorkersMost);
        int max = source.Number(_max, Math.Max(usual.WorkersMax, min), least: 1, WorkersMost);
        if (max < min)
            throw CommandFailureException.Usage($"--max-workers (MAX_WORKERS) is {max}, less than --min-workers (MIN_WORKERS), {min}.");
        int concurrency = source.Number(_concurrency, usual.WorkerConcurrency, least: 1);
        int queue = source.Number(_queue, usual.QueueLimit, least: 0);
        int rate = source.Number(_rate, usual.RateLimitPerSecond, least: 1);
        int burst = source.Number(_burst, Math.Max(usual.RateLimitBurst, rate), least: 1);
        int body = source.Number(_body, usual.BodyBytesMax, least: 1 << 10, BodyBytesMost);
        TimeSpan timeout = source.Seconds(_timeout, usual.RequestTimeout);
        TimeSpan idle = source.Seconds(_idle, usual.WorkerIdle);
        return options =>
        {
            (options.WorkersMin, options.WorkersMax, options.WorkerConcurrency) = (min, max, concurrency);
            (options.QueueLimit, options.RateLimitPerSecond, options.RateLimitBurst, options.BodyBytesMax) = (queue, rate, burst, body);
            (options.RequestTimeout, options.WorkerIdle) = (timeout, idle);
        };
    }

    private static IConfigurationRoot ReadFile(string? named)
    {
        string path = Path.GetFullPath(named ?? "appsettings.json");
        if (named is not null && !File.Exists(path)) throw CommandFailureException.Usage($"--config: there is no file '{named}'.");
        try
        {
            return new ConfigurationBuilder().AddJsonFile(path, optional: true, reloadOnChange: false).Build();
        }
        catch (InvalidDataException wrong)
        {
            string reason = wrong.InnerException?.Message ?? wrong.Message;
            throw CommandFailureException.Usage($"The settings file '{path}' cannot be read: {reason}");
        }
    }
}
