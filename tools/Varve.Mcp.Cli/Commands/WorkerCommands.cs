using Varve.Mcp.Gateway;

namespace Varve.Mcp.Cli.Commands;

/// <summary>How a gateway starts its workers.</summary>
internal static class WorkerCommands
{
    /// <summary>The hidden command that starts workers which know nothing of process groups.</summary>
    public const string LaunchName = "launch-worker";

    // Of the gateway's settings a worker needs none, and of its secrets least of all.
    private static readonly Dictionary<string, string?> s_environment = new()
    {
        [Diagnostics.Variable] = Diagnostics.Off,
        [GatewayCommand.KeysVariable] = null,
        [GatewayCommand.KeysVariable + "_FILE"] = null,
    };

    /// <summary>This very program, as a worker that has the gateway's directory.</summary>
    public static WorkerCommand OfServer(string server, string data, Durability durability)
    {
        string[] serve =
        [
            "serve", ServeCommand.WorkerName, "--server", server, "--data", data, "--durability", durability.ToString().ToLowerInvariant(),
        ];
        string[] line = [.. Self(), .. serve];
        return new WorkerCommand(line[0], line[1..]) { Environment = s_environment, SharesJournal = true };
    }

    /// <summary>Somebody else's program.</summary>
    /// <param name="command">Program and arguments, as <see cref="CommandWords"/> splits it.</param>
    /// <param name="place">Where it was said.</param>
    public static WorkerCommand OfCommand(string command, string place)
    {
        IReadOnlyList<string> words;
        try
        {
            words = CommandWords.Split(command);
        }
        catch (FormatException wrong)
        {
            throw CommandFailureException.Usage($"{place}: {wrong.Message}");
        }

        if (words.Count == 0) throw CommandFailureException.Usage($"{place} names no program.");
        return new WorkerCommand(words[0], [.. words.Skip(1)])
        {
            Environment = s_environment,
            Launcher = OperatingSystem.IsWindows() ? [] : [.. Self(), LaunchName],
        };
    }

    /// <summary>The file that stands for the program's: a script among the words, or the program itself.</summary>
    public static string? FileOf(WorkerCommand command)
    {
        if (command.SharesJournal) return typeof(WorkerCommands).Assembly.Location;
        IEnumerable<string> files = command.Arguments.Where(File.Exists).Append(command.File).Where(File.Exists);
        return files.FirstOrDefault() is { } file ? Path.GetFullPath(file) : null;
    }

    /// <summary>What starts this program: its own executable, or <c>dotnet</c> and the library.</summary>
    public static string[] Self()
    {
        string program = Environment.ProcessPath ?? throw new InvalidOperationException("The path of this program is not known.");
        string library = typeof(WorkerCommands).Assembly.Location;
        bool isHost = Path.GetFileNameWithoutExtension(program) is "dotnet" or "testhost";
        return isHost ? [Path.GetFileNameWithoutExtension(program) == "dotnet" ? program : "dotnet", library] : [program];
    }
}
