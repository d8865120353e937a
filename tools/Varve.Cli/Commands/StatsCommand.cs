using System.CommandLine;
using Varve.Cli.Output;

namespace Varve.Cli.Commands;

/// <summary><c>varve stats</c></summary>
internal static class StatsCommand
{
    public static VarveCommand Create(Terminal terminal)
    {
        Option<string> data = Inputs.Data();
        Option<bool> json = Inputs.Json();
        var command = new VarveCommand(
            "stats",
            "Print figures of the database: maps, tables, memory, log. Counters of work begin at the open and so are zero here.",
            "varve stats",
            "varve stats --json | jq .tableBytes")
        {
            data,
            json,
        };
        command.Run((parsed, _) =>
        {
            using Database database = Inputs.OpenForReading(parsed.GetRequiredValue(data));
            DatabaseStatistics figures = database.GetStatistics();
            if (parsed.GetValue(json)) JsonOutput.Write(terminal, figures);
            else terminal.Console.Write(StatisticsTable.Draw(figures));
            return ExitCode.Ok;
        });
        return command;
    }
}
