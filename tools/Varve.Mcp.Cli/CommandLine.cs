using System.CommandLine;
using Varve.Mcp.Cli.Commands;

namespace Varve.Mcp.Cli;

/// <summary>From arguments to an exit code: the commands put together, and what each kind of failure returns and says.</summary>
internal static class CommandLine
{
    public const string Name = "varve-mcp";

    /// <summary>How long a command may clean up after Ctrl+C: a server lets calls end for 10 s.</summary>
    private static readonly TimeSpan CleanUpMax = TimeSpan.FromSeconds(20);

    public static async Task<int> RunAsync(string[] arguments, Terminal terminal)
    {
        if (LaunchWorkerCommand.IsIt(arguments)) return LaunchWorkerCommand.Run(arguments);
        RootCommand root = Build(terminal);
        ParseResult parsed = root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (WrongCommandLine.IsIt(parsed, Name, out string? wrong))
        {
            terminal.WriteError(wrong);
            return ExitCode.Usage;
        }

        var configuration = new InvocationConfiguration
        {
            Output = terminal.Output,
            Error = terminal.Error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = CleanUpMax,
        };
        return await GuardAsync(terminal, () => parsed.InvokeAsync(configuration));
    }

    private static RootCommand Build(Terminal terminal)
    {
        var root = new RootCommand("MCP servers whose calls survive crashes: serve them, try them, look at their calls.")
        {
            ServeCommand.Create(terminal),
            GatewayCommand.Create(terminal),
            ExamplesCommand.Create(terminal),
            CallsCommand.Create(terminal),
            ConfigCommand.Create(terminal),
        };
        root.HelpName = Name;
        HelpWithExamples.PutInto(root, ExitCode.Meanings);
        return root;
    }

    private static async Task<int> GuardAsync(Terminal terminal, Func<Task<int>> body)
    {
        try
        {
            return await body();
        }
        catch (CommandFailureException failure)
        {
            terminal.WriteError(failure.Message);
            return failure.ExitCode;
        }
        catch (OperationCanceledException)
        {
            terminal.WriteError("canceled.");
            return ExitCode.Canceled;
        }
        catch (ArgumentException wrong)
        {
            terminal.WriteError(wrong.Message);
            return ExitCode.Usage;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or DatabaseReadOnlyException)
        {
            terminal.WriteError(failure.Message);
            return ExitCode.System;
        }
    }
}
