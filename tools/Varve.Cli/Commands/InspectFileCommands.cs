using System.CommandLine;
using Varve.Cli.Output;

namespace Varve.Cli.Commands;

/// <summary><c>varve inspect manifest|log|table</c></summary>
internal static class InspectFileCommands
{
    public static VarveCommand CreateManifest(Terminal terminal)
    {
        (Argument<string[]> files, Option<string> data, Option<bool> json) = CommonInputs("the manifest that counts");
        var edits = new Option<bool>("--edits") { Description = "List every edit too." };
        var command = new VarveCommand(
            "manifest",
            "Show which tables live on which level, and the state beside them.",
            "varve inspect manifest",
            "varve inspect manifest MANIFEST-000003 --edits",
            "varve inspect manifest --json | jq '.[].state.added[].fileName'")
        {
            files, data, edits, json,
        };
        command.Run((parsed, _) =>
        {
            var found = new List<ManifestInspection>();
            var problems = new List<string>();
            foreach (string path in Paths(parsed, files, data, DatabaseFileKind.Manifest))
            {
                ManifestInspection manifest = DatabaseInspector.InspectManifest(path);
                found.Add(manifest);
                AddProblems(problems, path, manifest.Problems);
                if (!parsed.GetValue(json)) InspectionText.Write(terminal, manifest, parsed.GetValue(edits));
            }

            if (parsed.GetValue(json)) JsonOutput.Write(terminal, found);
            return Finish(terminal, problems);
        });
        return command;
    }

    public static VarveCommand CreateLog(Terminal terminal)
    {
        (Argument<string[]> files, Option<string> data, Option<bool> json) = CommonInputs("every slot of the log");
        var frames = new Option<bool>("--frames") { Description = "List every frame instead, with --json an object a line." };
        Option<bool> entries = EntriesOption("operation of each batch that is whole in its file");
        var command = new VarveCommand(
            "log",
            "Show what each slot of the log holds, and where and how it ends.",
            "varve inspect log",
            "varve inspect log 0001.log --frames",
            "varve inspect log --entries --json | jq -r .key")
        {
            files, data, frames, entries, json,
        };
        command.Run((parsed, cancellation) =>
        {
            bool isJson = parsed.GetValue(json);
            bool listsFrames = parsed.GetValue(frames);
            bool listsEntries = parsed.GetValue(entries);
            if (listsFrames && listsEntries) throw CommandFailureException.Usage("Only one of --frames and --entries can be listed.");
            using var lines = new InspectionLines(terminal, isJson);
            var found = new List<LogInspection>();
            var problems = new List<string>();
            foreach (string path in Paths(parsed, files, data, DatabaseFileKind.Log))
            {
                LogInspection log = DatabaseInspector.InspectLog(
                    path, listsFrames ? lines.Write : null, listsEntries ? lines.Write : null, cancellation);
                found.Add(log);
                AddProblems(problems, path, log.Problems);
                if (!isJson && !listsFrames && !listsEntries) InspectionText.Write(terminal, log);
            }

            lines.Flush();
            if (isJson && !listsFrames && !listsEntries) JsonOutput.Write(terminal, found);
            return Finish(terminal, problems);
        });
        return command;
    }

    public static VarveCommand CreateTable(Terminal terminal)
    {
        (Argument<string[]> files, Option<string> data, Option<bool> json) = CommonInputs("every table");
        var blocks = new Option<bool>("--blocks") { Description = "List every block too." };
        Option<bool> entries = EntriesOption("entry");
        var command = new VarveCommand(
            "table",
            "Show what tables say of themselves, and check every block of them.",
            "varve inspect table 000012.table",
            "varve inspect table 000012.table --blocks",
            "varve inspect table --entries --json | jq -r .key")
        {
            files, data, blocks, entries, json,
        };
        command.Run((parsed, cancellation) =>
        {
            bool isJson = parsed.GetValue(json);
            bool listsEntries = parsed.GetValue(entries);
            using var lines = new InspectionLines(terminal, isJson);
            var found = new List<TableInspection>();
            var problems = new List<string>();
            foreach (string path in Paths(parsed, files, data, DatabaseFileKind.Table))
            {
                TableInspection table = DatabaseInspector.InspectTable(path, listsEntries ? lines.Write : null, cancellation);
                AddProblems(problems, path, table.Problems);
                if (isJson) found.Add(parsed.GetValue(blocks) ? table : table with { Blocks = [] });
                else if (!listsEntries) InspectionText.Write(terminal, table, parsed.GetValue(blocks));
            }

            lines.Flush();
            if (isJson && !listsEntries) JsonOutput.Write(terminal, found);
            return Finish(terminal, problems);
        });
        return command;
    }

    /// <summary>Names what is wrong on stderr, and gives the exit code for it.</summary>
    public static int Finish(Terminal terminal, IReadOnlyList<string> problems)
    {
        if (problems.Count == 0) return ExitCode.Ok;
        terminal.Flush();
        foreach (string problem in problems) terminal.WriteError(problem);
        throw new CommandFailureException(ExitCode.Storage, $"{Figures.Count(problems.Count, "problem", "problems")} found.");
    }

    private static (Argument<string[]> Files, Option<string> Data, Option<bool> Json) CommonInputs(string otherwise)
    {
        var files = new Argument<string[]>("file")
        {
            Description = $"A path, or a name in the database's directory; when not given, {otherwise}.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        return (files, Inputs.Data(), Inputs.Json());
    }

    private static Option<bool> EntriesOption(string what) => new("--entries", "-e")
    {
        Description = $"List every {what} instead: map id, sequence, put or delete, key, value; with --json an object a line.",
    };

    private static List<string> Paths(ParseResult parsed, Argument<string[]> files, Option<string> data, DatabaseFileKind kind)
    {
        string directory = parsed.GetRequiredValue(data);
        if (parsed.GetValue(files) is not { Length: > 0 } named)
        {
            DirectoryInspection found = DatabaseInspector.InspectDirectory(directory);
            if (kind == DatabaseFileKind.Manifest)
            {
                if (found.Manifest is { } manifest) return [manifest.Path];
                throw new CommandFailureException(ExitCode.Storage, $"There is no manifest in '{directory}'.");
            }

            return [.. found.Files.Where(file => file.Kind == kind).Select(file => Path.Combine(directory, file.FileName))];
        }

        return [.. named.Select(name =>
        {
            string inDirectory = Path.Combine(directory, name);
            if (File.Exists(name)) return name;
            return File.Exists(inDirectory) ? inDirectory : throw CommandFailureException.Usage($"There is no file '{name}'.");
        })];
    }

    private static void AddProblems(List<string> problems, string path, IReadOnlyList<InspectionProblem> found)
    {
        foreach (InspectionProblem problem in found)
        {
            string place = problem.Offset.ToString(System.Globalization.CultureInfo.InvariantCulture);
            problems.Add($"{path}, offset {place}: {problem.Detail}");
        }
    }
}
