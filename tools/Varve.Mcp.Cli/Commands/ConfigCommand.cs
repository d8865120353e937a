using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Varve.Mcp.Cli.Commands;

/// <summary><c>varve-mcp config</c></summary>
internal static class ConfigCommand
{
    private const string ClaudeDesktop = "claude-desktop";
    private const string VsCode = "vscode";
    private const string Cursor = "cursor";
    private const string ClaudeCode = "claude-code";

    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>How a client reaches the server.</summary>
    /// <param name="Name">What the client calls it.</param>
    /// <param name="Command">The program it starts; null: it goes to the URL.</param>
    /// <param name="Arguments">The program's.</param>
    /// <param name="Url">Where it finds a server that runs already.</param>
    private sealed record Entry(string Name, string? Command, IReadOnlyList<string> Arguments, string Url);

    public static VarveCommand Create(Terminal terminal)
    {
        var client = new Option<string>("--client", "-c")
        {
            Description = "The client.",
            HelpName = $"{ClaudeDesktop}|{VsCode}|{Cursor}|{ClaudeCode}",
            Required = true,
        };
        client.AcceptOnlyFromAmong(ClaudeDesktop, VsCode, Cursor, ClaudeCode);
        Option<string> server = Inputs.Server("Which server.");
        Option<string> transport = Inputs.Transport("stdio: the client starts the server; http: you do.", Inputs.StdioName);
        Option<int> port = Inputs.Port();
        var data = new Option<string?>("--data", "-d")
        {
            Description = "The directory of the database; when not given, the usual one.",
            HelpName = "DIR",
        };
        var name = new Option<string>("--name")
        {
            Description = "What the client calls it.",
            HelpName = "NAME",
            DefaultValueFactory = _ => "varve",
        };
        var source = new Option<bool>("--from-source")
        {
            Description = "Name this very program by its path, instead of the installed command.",
        };
        var command = new VarveCommand(
            "config",
            "Print what a client needs to know to use a server, and where that goes. Nothing is changed.",
            "varve-mcp config --client claude-desktop",
            "varve-mcp config --client vscode --server tasks --data ./mcp-data",
            "varve-mcp config --client claude-code --transport http")
        {
            client, server, transport, port, data, name, source,
        };
        command.Run((parsed, _) =>
        {
            bool isHttp = parsed.GetValue(transport) == Inputs.HttpName;
            (string program, IEnumerable<string> arguments) = ProgramOf(parsed.GetValue(source));
            string[] all = [.. arguments, "serve", "--server", parsed.GetRequiredValue(server), .. DataOf(parsed.GetValue(data))];
            string url = ServerHost.UrlOf(parsed.GetRequiredValue(port));
            var entry = new Entry(parsed.GetRequiredValue(name), isHttp ? null : program, all, url);
            (string place, string text) = Describe(parsed.GetRequiredValue(client), entry);
            terminal.Error.WriteLine(place);
            terminal.Output.WriteLine(text);
            return Task.FromResult(ExitCode.Ok);
        });
        return command;
    }

    private static (string Place, string Text) Describe(string client, Entry entry) => client switch
    {
        ClaudeDesktop when entry.Command is null => throw CommandFailureException.Usage(
            "Claude Desktop starts its servers itself: leave out --transport http."),
        ClaudeDesktop => (
            "In claude_desktop_config.json (Settings, Developer, Edit Config), then start Claude Desktop anew:",
            Wrap("mcpServers", entry, type: null)),
        VsCode => (
            "In .vscode/mcp.json of the workspace:",
            Wrap("servers", entry, entry.Command is null ? "http" : "stdio")),
        Cursor => ("In .cursor/mcp.json of the project, or ~/.cursor/mcp.json:", Wrap("mcpServers", entry, type: null)),
        _ => ("To run in the project's directory:", CommandOf(entry)),
    };

    private static string Wrap(string root, Entry entry, string? type)
    {
        JsonObject server = [];
        if (type is not null) server["type"] = type;
        if (entry.Command is null)
        {
            server["url"] = entry.Url;
        }
        else
        {
            server["command"] = entry.Command;
            server["args"] = new JsonArray([.. entry.Arguments.Select(argument => (JsonNode)argument)]);
        }

        return new JsonObject { [root] = new JsonObject { [entry.Name] = server } }.ToJsonString(Indented);
    }

    private static string CommandOf(Entry entry) => entry.Command is null
        ? $"claude mcp add --transport http {Quote(entry.Name)} {entry.Url}"
        : $"claude mcp add {Quote(entry.Name)} -- {string.Join(' ', entry.Arguments.Prepend(entry.Command).Select(Quote))}";

    private static string Quote(string argument)
    {
        bool isPlain = argument.All(character => char.IsAsciiLetterOrDigit(character) || "-_./:=~".Contains(character));
        return isPlain ? argument : $"'{argument.Replace("'", "'\\''", StringComparison.Ordinal)}'";
    }

    private static (string Program, IEnumerable<string> Arguments) ProgramOf(bool isFromSource)
    {
        if (!isFromSource) return (CommandLine.Name, []);
        return ("dotnet", [Path.Combine(AppContext.BaseDirectory, typeof(ConfigCommand).Assembly.GetName().Name + ".dll")]);
    }

    /// <summary>Clients start servers in a directory of their own: a path must not depend on it.</summary>
    private static string[] DataOf(string? data) => data is null ? [] : ["--data", Path.GetFullPath(data)];
}
