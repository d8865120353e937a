using System.CommandLine;
using Spectre.Console;
using Varve.Cli.Output;

namespace Varve.Cli.Commands;

/// <summary><c>varve inspect</c>: the directory, and below it the commands for one kind of file each.</summary>
internal static class InspectCommand
{
    public static VarveCommand Create(Terminal terminal)
    {
        Option<string> data = Inputs.Data();
        Option<bool> json = Inputs.Json();
        var command = new VarveCommand(
            "inspect",
            "Look into the files of a database, also of one that is open or damaged. Changes nothing and takes no lock.",
            "varve inspect",
            "varve inspect manifest --edits",
            "varve inspect log --frames",
            "varve inspect table 000012.table --entries")
        {
            data,
            json,
            InspectFileCommands.CreateManifest(terminal),
            InspectFileCommands.CreateLog(terminal),
            InspectFileCommands.CreateTable(terminal),
        };
        command.Run((parsed, _) =>
        {
            DirectoryInspection found = DatabaseInspector.InspectDirectory(parsed.GetRequiredValue(data));
            if (parsed.GetValue(json)) JsonOutput.Write(terminal, found);
            else terminal.Console.Write(Draw(found));
            List<string> problems = [.. found.Problems];
            foreach (FileInspection file in found.Files)
            {
                if (file.Problem is { } problem) problems.Add($"{file.FileName}: {problem}");
            }

            return InspectFileCommands.Finish(terminal, problems);
        });
        return command;
    }

    private static Table Draw(DirectoryInspection found)
    {
        Table table = new Table().Border(TableBorder.None).AddColumn("file").AddColumn("kind").AddColumn("bytes").AddColumn("needed")
            .AddColumn("holds");
        table.Columns[2].RightAligned();
        foreach (FileInspection file in found.Files)
        {
            table.AddRow(
                Markup.Escape(ByteText.Escape(file.FileName)),
                file.Kind.ToString().ToLowerInvariant(),
                Figures.Bytes(file.Bytes),
                file.IsNeeded ? "yes" : "no",
                Markup.Escape(file.Role));
        }

        return table;
    }
}
