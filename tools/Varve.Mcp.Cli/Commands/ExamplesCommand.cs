using System.CommandLine;
using Microsoft.AspNetCore.Builder;
using ModelContextProtocol.Client;
using Varve.Mcp.Cli.Examples;
using Varve.Mcp.Cli.Servers;

namespace Varve.Mcp.Cli.Commands;

/// <summary><c>varve-mcp examples</c></summary>
internal static class ExamplesCommand
{
    /// <summary>So that what happens by chance is the same each time.</summary>
    private const int Seed = 7;

    private const string QuitAnswer = "q";
    private const string ModernName = "modern";
    private const string LegacyName = "legacy";
    private const string LegacyRevision = "2025-11-25";

    private static readonly TimeSpan AnswerMax = TimeSpan.FromSeconds(30);

    public static VarveCommand Create(Terminal terminal)
    {
        var run = new Option<string?>("--run", "-r")
        {
            Description = "Run this example, or all, without a menu.",
            HelpName = string.Join('|', ServerCatalog.Names),
        };
        run.AcceptOnlyFromAmong([.. ServerCatalog.Names]);
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not wait between two examples." };
        Option<string> transport = Inputs.Transport("How server and client talk.", Inputs.HttpName);
        Option<int> port = Inputs.Port();
        var era = new Option<string>("--era")
        {
            Description = "What the client speaks: modern is revision 2026-07-28, without sessions; legacy is 2025-11-25, with them.",
            HelpName = $"{ModernName}|{LegacyName}",
            DefaultValueFactory = _ => ModernName,
        };
        era.AcceptOnlyFromAmong(ModernName, LegacyName);
        var command = new VarveCommand(
            "examples",
            "Run the examples: each starts its server on a temporary directory, lets a client use it, and shows all that is said.",
            "varve-mcp examples",
            "varve-mcp examples --run processing",
            "varve-mcp examples --run all --yes --transport stdio")
        {
            run, yes, transport, port, era,
        };
        command.Run(async (parsed, cancellation) =>
        {
            bool isHttp = parsed.GetValue(transport) == Inputs.HttpName;
            string? revision = parsed.GetValue(era) == LegacyName ? LegacyRevision : null;
            var harness = new Harness(terminal, isHttp ? parsed.GetRequiredValue(port) : null, revision, cancellation);
            if (parsed.GetValue(run) is not { } name) return await harness.RunMenuAsync();
            string[] names = name == ServerCatalog.AllName ? [.. ServerCatalog.Servers.Select(server => server.Name)] : [name];
            return await harness.RunAllAsync(names, parsed.GetValue(yes));
        });
        return command;
    }

    /// <summary>
    /// Starts servers and lets their clients talk; over stdio where there is no port, by the newest revision where none is named.
    /// </summary>
    private sealed class Harness(Terminal terminal, int? port, string? revision, CancellationToken cancellation)
    {
        public async Task<int> RunMenuAsync()
        {
            while (true)
            {
                ShowMenu();
                if (await ReadChoiceAsync() is not { } server) return ExitCode.Ok;
                try
                {
                    await RunAsync(server);
                }
                catch (IOException failure)
                {
                    terminal.WriteError(failure.Message);
                }

                await WaitAsync();
            }
        }

        public async Task<int> RunAllAsync(string[] names, bool isQuick)
        {
            int surprises = 0;
            foreach (string name in names)
            {
                surprises += await RunAsync(name);
                if (!isQuick && name != names[^1]) await WaitAsync();
            }

            await terminal.Output.WriteLineAsync(surprises == 0
                ? $"{names.Length} of {names.Length} examples went as they should."
                : $"{surprises} answers were not as they should be.");
            return surprises == 0 ? ExitCode.Ok : ExitCode.CheckFailed;
        }

        private void ShowMenu()
        {
            terminal.Output.WriteLine();
            terminal.Output.WriteLine("Examples:");
            for (int i = 0; i < ServerCatalog.Servers.Count; i++)
                terminal.Output.WriteLine($"  {i + 1}  {ServerCatalog.Servers[i].Name,-11} {ServerCatalog.Servers[i].Description}");
            terminal.Output.WriteLine($"  {QuitAnswer}  leave");
        }

        /// <summary>Null: to leave.</summary>
        private async Task<string?> ReadChoiceAsync()
        {
            while (true)
            {
                terminal.Output.Write("Which one? ");
                if ((await terminal.ReadLineAsync(cancellation))?.Trim() is not { } answer || answer == QuitAnswer) return null;
                bool isNumber = int.TryParse(answer, out int number) && number >= 1 && number <= ServerCatalog.Servers.Count;
                if (isNumber) return ServerCatalog.Servers[number - 1].Name;
                if (ServerCatalog.Servers.Any(server => server.Name == answer)) return answer;
                terminal.Output.WriteLine($"'{answer}' is none of them.");
            }
        }

        private async Task WaitAsync()
        {
            terminal.Output.Write("Press Enter to continue ");
            await terminal.ReadLineAsync(cancellation);
        }

        /// <returns>How many answers were not as they should be.</returns>
        private async Task<int> RunAsync(string name)
        {
            await terminal.Output.WriteLineAsync($"== {name}: {ServerCatalog.Servers.First(server => server.Name == name).Description}");
            string directory = Directory.CreateTempSubdirectory("varve-mcp-example-").FullName;
            try
            {
                return port is { } known ? await RunOverHttpAsync(name, directory, known) : await RunOverStdioAsync(name, directory);
            }
            finally
            {
                Directory.Delete(directory, recursive: true);
            }
        }

        private async Task<int> RunOverHttpAsync(string name, string directory, int knownPort)
        {
            var settings = new ServeSettings(name, directory) { Port = knownPort, Servers = new ServerSettings(Seed) };
            await using WebApplication server = ServerHost.BuildHttp(settings);
            try
            {
                await server.StartAsync(cancellation);
            }
            catch (IOException taken)
            {
                throw new IOException($"Port {knownPort} cannot be used: {taken.Message}", taken);
            }

            await using var transport = new HttpClientTransport(new HttpClientTransportOptions
            {
                Endpoint = new Uri(ServerHost.UrlOf(knownPort)),
                ConnectionTimeout = AnswerMax,
            });
            int surprises = await TalkAsync(name, transport);
            await server.StopAsync(CancellationToken.None);
            return surprises;
        }

        private Task<int> RunOverStdioAsync(string name, string directory)
        {
            string[] serve = ["serve", "--server", name, "--data", directory, "--seed", $"{Seed}"];
            (string command, string[] before) = SelfProcess.Command();
            return TalkAsync(name, new StdioClientTransport(new StdioClientTransportOptions
            {
                Name = name,
                Command = command,
                Arguments = [.. before, .. serve],
                StandardErrorLines = line => terminal.Error.WriteLine(line),
            }));
        }

        private async Task<int> TalkAsync(string name, IClientTransport transport)
        {
            var options = new McpClientOptions { ProtocolVersion = revision };
            await using McpClient client = await McpClient.CreateAsync(transport, options, cancellationToken: cancellation);
            var run = new ExampleRun(client, terminal.Output, cancellation);
            await run.IntroduceAsync();
            await ExampleFlows.All[name](run);
            return run.Surprises;
        }
    }
}

/// <summary>How to start this program again.</summary>
internal static class SelfProcess
{
    public static (string Command, string[] Arguments) Command()
    {
        string assembly = typeof(SelfProcess).Assembly.GetName().Name!;
        string started = Path.Combine(AppContext.BaseDirectory, assembly + (OperatingSystem.IsWindows() ? ".exe" : ""));

        // As a tool, and in tests, there may be no program of its own but the library.
        return File.Exists(started) ? (started, []) : ("dotnet", [Path.Combine(AppContext.BaseDirectory, assembly + ".dll")]);
    }
}
