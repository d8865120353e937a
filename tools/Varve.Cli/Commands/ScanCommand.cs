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
        Option<bool> hex = Inputs.Hex("--prefix, --from and --to are");
        var prefix = new Option<string>("--prefix", "-p") { Description = "Only keys that begin with this.", HelpName = "KEY" };
        var from = new Option<string>("--from") { Description = "Only keys from this one on (inclusive).", HelpName = "KEY" };
        var to = new Option<string>("--to") { Description = "Only keys before this one (exclusive).", HelpName = "KEY" };
        var reverse = new Option<bool>("--reverse", "-r") { Description = "The same entries from the last to the first." };
        var limit = new Option<long?>("--limit", "-n") { Description = "Entries at most.", HelpName = "COUNT" };
        var keysOnly = new Option<bool>("--keys-only", "-k") { Description = "Print no values." };
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
            data, map, prefix, from, to, hex, reverse, limit, keysOnly, format,
        };
        command.Run((parsed, cancellation) =>
        {
            bool isHex = parsed.GetValue(hex);
            KeyBounds range = KeyBounds.Of(
                Inputs.Bytes(parsed.GetValue(prefix) ?? "", isHex, "prefix"),
                Inputs.Bytes(parsed.GetValue(from) ?? "", isHex, "first key"),
                Inputs.Bytes(parsed.GetValue(to) ?? "", isHex, "end key"));
            long countMax = parsed.GetValue(limit) ?? long.MaxValue;
            if (countMax < 0) throw CommandFailureException.Usage("The limit (--limit) must not be negative.");
            using Database database = Inputs.OpenForReading(parsed.GetRequiredValue(data));
            SortedMap source = Inputs.RequireMap(database, parsed.GetRequiredValue(map));
            if (range.IsEmpty) return ExitCode.Ok;
            Direction direction = parsed.GetValue(reverse) ? Direction.Descending : Direction.Ascending;
            using var lines = new EntryLines(terminal, parsed.GetValue(format), parsed.GetValue(keysOnly));
            long count = 0;
            foreach (Entry entry in source.Range(range.Start, range.End, direction, countMax))
            {
                if ((++count & CancellationCheckMask) == 0) cancellation.ThrowIfCancellationRequested();
                lines.Write(entry.Key, entry.Value);
            }

            lines.Flush();
            return ExitCode.Ok;
        });
        return command;
    }

    /// <summary>First key and first key behind the range; empty: no bound.</summary>
    private readonly record struct KeyBounds(byte[] Start, byte[] End)
    {
        public bool IsEmpty => End.Length > 0 && Start.AsSpan().SequenceCompareTo(End) >= 0;

        /// <summary>What all three leave.</summary>
        public static KeyBounds Of(byte[] prefix, byte[] from, byte[] to)
        {
            byte[] start = from.AsSpan().SequenceCompareTo(prefix) > 0 ? from : prefix;
            byte[] prefixEnd = KeyBehindPrefix(prefix);
            bool endsAtPrefix = to.Length == 0 || (prefixEnd.Length > 0 && prefixEnd.AsSpan().SequenceCompareTo(to) < 0);
            return new KeyBounds(start, endsAtPrefix ? prefixEnd : to);
        }

        /// <summary>The first key behind all that begin with the prefix; empty when there is none.</summary>
        private static byte[] KeyBehindPrefix(ReadOnlySpan<byte> prefix)
        {
            int length = prefix.Length;
            while (length > 0 && prefix[length - 1] == byte.MaxValue) length--;
            if (length == 0) return [];
            byte[] behind = prefix[..length].ToArray();
            behind[^1]++;
            return behind;
        }
    }
}
