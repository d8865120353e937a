using System.CommandLine;
using Varve.Cli.Commands;
using Varve.Cli.Output;
using Varve.Cli.Torture;
using Varve.Cli.Tour;

namespace Varve.Cli;

/// <summary>From arguments to an exit code: the commands put together, and what each kind of failure returns and says.</summary>
internal static class CommandLine
{
    private const string Name = "varve";

    /// <summary>How long a command may clean up after Ctrl+C.</summary>
    private static readonly TimeSpan CleanUpMax = TimeSpan.FromSeconds(5);

    public static int Run(string[] arguments, Terminal terminal)
    {
        RootCommand root = Build(terminal);

        // A key may begin with '@': no argument is the name of a file with arguments.
        ParseResult parsed = root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (WrongCommandLine.IsIt(parsed, Name, out string? wrong)) return Fail(terminal, ExitCode.Usage, wrong);

        var configuration = new InvocationConfiguration
        {
            Output = terminal.Writer,
            Error = terminal.Error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = CleanUpMax,
        };
        return Guard(terminal, () => parsed.InvokeAsync(configuration).GetAwaiter().GetResult());
    }

    private static RootCommand Build(Terminal terminal)
    {
        var root = new RootCommand("Varve, an embedded, ordered, durable key-value store: look into a database, change it, try it.")
        {
            GetCommand.Create(terminal),
            PutCommand.Create(terminal),
            DeleteCommand.Create(),
            DeleteRangeCommand.Create(terminal),
            ScanCommand.Create(terminal),
            WatchCommand.Create(terminal),
            MapsCommand.Create(terminal),
            DropCommand.Create(terminal),
            StatsCommand.Create(terminal),
            LevelsCommand.Create(terminal),
            VerifyCommand.Create(terminal),
            RepairCommand.Create(terminal),
            BackupCommand.Create(terminal),
            RestoreCommand.Create(terminal),
            BackupsCommand.Create(terminal),
            ImportCommand.Create(terminal),
            ExportCommand.Create(terminal),
            CompactCommand.Create(terminal),
            CheckpointCommand.Create(terminal),
            CompletionCommand.Create(terminal),
            InspectCommand.Create(terminal),
            TourCommand.Create(terminal),
            CrashWriter.CreateCommand(terminal),
            TortureCommand.Create(terminal),
            TortureWriter.CreateCommand(terminal),
        };
        root.HelpName = Name;
        HelpWithExamples.PutInto(root, ExitCode.Meanings);
        return root;
    }

    private static int Guard(Terminal terminal, Func<int> body)
    {
        try
        {
            int code = body();
            terminal.Flush();
            return code;
        }
        catch (CommandFailureException failure)
        {
            return Fail(terminal, failure.ExitCode, failure.Message);
        }
        catch (OperationCanceledException)
        {
            return Fail(terminal, ExitCode.Canceled, "canceled.");
        }
        catch (OutputClosedException)
        {
            // Who reads the output has seen enough: `varve scan | head`.
            return ExitCode.Ok;
        }
        catch (ArgumentException wrong)
        {
            return Fail(terminal, ExitCode.Usage, WithoutParameter(wrong));
        }
        catch (Exception failure) when (IsStorageFailure(failure))
        {
            return Fail(terminal, ExitCode.Storage, failure.Message);
        }
    }

    private static bool IsStorageFailure(Exception failure) =>
        failure is IOException or UnauthorizedAccessException or DatabaseReadOnlyException or MemoryBudgetException
            or InvariantViolatedException;

    /// <summary>The message without the name of the method's parameter, which says nothing on a command line.</summary>
    private static string WithoutParameter(ArgumentException wrong)
    {
        int end = wrong.Message.IndexOf(" (Parameter '", StringComparison.Ordinal);
        return end < 0 ? wrong.Message : wrong.Message[..end];
    }

    private static int Fail(Terminal terminal, int exitCode, string message)
    {
        try
        {
            terminal.Flush();
        }
        catch (OutputClosedException)
        {
            // The message goes elsewhere.
        }

        terminal.WriteError(message);
        return exitCode;
    }
}
