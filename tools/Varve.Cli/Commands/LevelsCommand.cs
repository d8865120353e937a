using System.CommandLine;
using Spectre.Console;
using Varve.Cli.Output;

namespace Varve.Cli.Commands;

/// <summary><c>varve levels</c></summary>
internal static class LevelsCommand
{
    public static VarveCommand Create(Terminal terminal)
    {
        Option<string> data = Inputs.Data();
        var tables = new Option<bool>("--tables", "-t") { Description = "List every table file below the picture." };
        Option<bool> json = Inputs.Json();
        var command = new VarveCommand(
            "levels",
            "Draw the tree of levels and tables.",
            "varve levels",
            "varve levels --tables",
            "varve levels --json | jq '.[].bytes'")
        {
            data,
            tables,
            json,
        };
        command.Run((parsed, _) =>
        {
            using Database database = Inputs.OpenForReading(parsed.GetRequiredValue(data));
            DatabaseStatistics figures = database.GetStatistics();
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(terminal, figures.Levels);
                return ExitCode.Ok;
            }

            LevelPicture.Draw(terminal.Console, figures);
            if (parsed.GetValue(tables))
            {
                terminal.Console.WriteLine();
                terminal.Console.Write(LevelPicture.DrawTables(figures));
            }

            return ExitCode.Ok;
        });
        return command;
    }
}
