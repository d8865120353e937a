using System.CommandLine;
using Varve.Cli.Output;

namespace Varve.Cli.Commands;

/// <summary><c>varve delete-range</c></summary>
internal static class DeleteRangeCommand
{
    public static VarveCommand Create(Terminal terminal)
    {
        Option<string> data = Inputs.Data();
        Option<string> map = Inputs.Map();
        var keys = new KeyBoundsOptions();
        var all = new Option<bool>("--all", "-a") { Description = "Every key of the map, when no bound is given." };
        Option<bool> json = Inputs.Json();
        var command = new VarveCommand(
            "delete-range",
            "Remove a range of keys by one operation, whatever it holds; on disk when the command returns. Tells how many there were.",
            "varve delete-range --map orders --prefix 2019-",
            "varve delete-range --from apple --to banana",
            "varve delete-range --map cache --all")
        {
            data, map, keys.Prefix, keys.From, keys.To, keys.Hex, all, json,
        };
        command.Run((parsed, _) =>
        {
            KeyBounds range = keys.Read(parsed);
            if (range.IsEmpty) throw CommandFailureException.Usage("No key can lie between these bounds.");
            if (range.IsAll != parsed.GetValue(all))
            {
                throw CommandFailureException.Usage(range.IsAll
                    ? "No bound is given (--prefix, --from, --to); --all deletes every key of the map."
                    : "--all deletes every key of the map; bounds (--prefix, --from, --to) exclude it.");
            }

            using Database database = Inputs.OpenForWriting(parsed.GetRequiredValue(data), createIfMissing: false);
            SortedMap target = Inputs.RequireMap(database, parsed.GetRequiredValue(map));
            RangeCount count = RangeCount.Of(target, range);
            target.DeleteRange(range.Start, range.End, Durability.Synced);
            database.Close();
            if (parsed.GetValue(json)) JsonOutput.Write(terminal, new RemovalResult(target.Name, count.Entries, count.IsExact));
            else terminal.Writer.WriteLine($"deleted {count} {Describe(range)} of the map '{ByteText.Escape(target.Name)}'");
            return ExitCode.Ok;
        });
        return command;
    }

    private static string Describe(KeyBounds range)
    {
        string from = range.Start.Length > 0 ? $"from '{ByteText.Escape(range.Start)}' on" : "from the beginning";
        return range.End.Length > 0 ? $"{from} and before '{ByteText.Escape(range.End)}'" : $"{from} to the end";
    }
}
