using System.CommandLine;
using Varve.Cli.Output;

namespace Varve.Cli.Commands;

/// <summary><c>varve drop MAP</c></summary>
internal static class DropCommand
{
    public static VarveCommand Create(Terminal terminal)
    {
        Argument<string> map = Inputs.MapName();
        Option<string> data = Inputs.Data();
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not ask. Needed where there is no terminal to ask on." };
        Option<bool> json = Inputs.Json();
        var command = new VarveCommand(
            "drop",
            "Remove a map with all its entries, at once; on disk when the command returns. Asks first.",
            "varve drop photos",
            "varve drop photos --yes --data backup")
        {
            map,
            data,
            yes,
            json,
        };
        command.Run((parsed, cancellation) =>
        {
            bool isSure = parsed.GetValue(yes);
            if (!isSure && !terminal.CanAsk)
                throw CommandFailureException.Usage("There is no terminal to ask on; --yes drops without asking.");
            using Database database = Inputs.OpenForWriting(parsed.GetRequiredValue(data), createIfMissing: false);
            SortedMap target = Inputs.RequireMap(database, parsed.GetRequiredValue(map));
            RangeCount count = RangeCount.Of(target, KeyBounds.All);
            string name = ByteText.Escape(target.Name);
            if (!isSure && !terminal.Ask($"Drop the map '{name}' with {count}?", cancellation))
                throw new CommandFailureException(ExitCode.Canceled, $"The map '{name}' stays.");
            database.DropMap(target.Name, Durability.Synced);
            database.Close();
            if (parsed.GetValue(json)) JsonOutput.Write(terminal, new RemovalResult(target.Name, count.Entries, count.IsExact));
            else terminal.Writer.WriteLine($"dropped the map '{name}' with {count}");
            return ExitCode.Ok;
        });
        return command;
    }
}
