using System.CommandLine;
using Varve.Cli.Output;

namespace Varve.Cli.Commands;

/// <summary><c>varve scan</c></summary>
internal static class ScanCommand
{
    private const int CancellationCheckMask = 0x3FF;

    public static VarveCommand Create(Terminal terminal)
    {
        Option<string> data = Inputs.Data();
        Option<string> map = Inputs.Map();
        var keys = new KeyBoundsOptions();
        var reverse = new Option<bool>("--reverse", "-r") { Description = "The same entries from the last to the first." };
        var limit = new Option<long?>("--limit", "-n") { Description = "Entries at most.", HelpName = "COUNT" };
        var keysOnly = new Option<bool>("--keys-only", "-k") { Description = "Print no values." };
        var expiry = new Option<bool>("--expiry", "-e") { Description = "Print with each entry that expires when it does." };
        var format = new Option<EntryFormat>("--format", "-f")
        {
            Description = "text: key, tab, value, escaped where not printable; "
                + "json: an object a line, with keyBase64 and valueBase64 for what is no UTF-8; hex.",
            HelpName = "text|json|hex",
        };
        format.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, "text", "json", "hex");
        var command = new VarveCommand(
            "scan",
            "Print the entries of a map in the order of their keys.",
            "varve scan",
            "varve scan --map orders --prefix 2026- --limit 10",
            "varve scan --from apple --to banana --reverse --keys-only",
            "varve scan --format json | jq -r .key")
        {
            data, map, keys.Prefix, keys.From, keys.To, keys.Hex, reverse, limit, keysOnly, expiry, format,
        };
        command.Run((parsed, cancellation) =>
        {
            KeyBounds range = keys.Read(parsed);
            long countMax = parsed.GetValue(limit) ?? long.MaxValue;
            if (countMax < 0) throw CommandFailureException.Usage("The limit (--limit) must not be negative.");
            using Database database = Inputs.OpenForReading(parsed.GetRequiredValue(data));
            SortedMap source = Inputs.RequireMap(database, parsed.GetRequiredValue(map));
            if (range.IsEmpty) return ExitCode.Ok;
            Direction direction = parsed.GetValue(reverse) ? Direction.Descending : Direction.Ascending;
            using var lines = new EntryLines(terminal, parsed.GetValue(format), parsed.GetValue(keysOnly));
            bool showsExpiry = parsed.GetValue(expiry);
            long count = 0;
            foreach (Entry entry in source.Range(range.Start, range.End, direction, countMax))
            {
                if ((++count & CancellationCheckMask) == 0) cancellation.ThrowIfCancellationRequested();
                lines.Write(entry.Key, entry.Value, showsExpiry ? entry.Expiry : null);
            }

            lines.Flush();
            return ExitCode.Ok;
        });
        return command;
    }
}
