using System.Buffers;
using System.CommandLine;
using System.Text.Json;
using Varve.Cli.Output;

namespace Varve.Cli.Commands;

/// <summary><c>varve get KEY</c></summary>
internal static class GetCommand
{
    private enum Format
    {
        Raw,
        Text,
        Hex,
        Json,
    }

    public static VarveCommand Create(Terminal terminal)
    {
        Option<string> data = Inputs.Data();
        Option<string> map = Inputs.Map();
        Option<bool> hex = Inputs.Hex("The key is");
        var format = new Option<Format?>("--format", "-f")
        {
            Description = "raw: the value's bytes and nothing else; text: escaped, with a line end; hex; json. "
                + "When not given: text on a terminal, else raw.",
            HelpName = "raw|text|hex|json",
        };
        format.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, "raw", "text", "hex", "json");
        var expiry = new Option<bool>("--expiry", "-e")
        {
            Description = "Print when the entry expires, or never, instead of the value; with --format json beside it.",
        };
        Argument<string> key = Inputs.Key();
        var command = new VarveCommand(
            "get",
            "Print the value of a key.",
            "varve get greeting",
            "varve get --map photos cat.jpg > cat.jpg",
            "varve get --hex 00ff --format hex",
            "varve get --map sessions 7f3a --expiry")
        {
            key,
            data,
            map,
            hex,
            format,
            expiry,
        };
        command.Run((parsed, _) =>
        {
            byte[] keyBytes = Inputs.Bytes(parsed.GetRequiredValue(key), parsed.GetValue(hex), "key");
            using Database database = Inputs.OpenForReading(parsed.GetRequiredValue(data));
            SortedMap source = Inputs.RequireMap(database, parsed.GetRequiredValue(map));

            // The snapshot has one time: what is there for the one read is there for the other.
            using Snapshot now = database.CreateSnapshot();
            byte[] value = source.Get(keyBytes, now)
                ?? throw CommandFailureException.NotFound($"There is no key '{ByteText.Escape(keyBytes)}' in the map '{source.Name}'.");
            Format asked = parsed.GetValue(format) ?? (terminal.IsInteractive ? Format.Text : Format.Raw);
            source.TryGetExpiry(keyBytes, out DateTimeOffset? moment, now);
            if (!parsed.GetValue(expiry)) terminal.Write(asked == Format.Raw ? value : Describe(asked, keyBytes, value, expiry: null));
            else if (asked == Format.Json) terminal.Write(Describe(asked, keyBytes, value, moment));
            else terminal.Writer.WriteLine(moment is { } known ? Moments.Format(known) : "never");
            return ExitCode.Ok;
        });
        return command;
    }

    private static ReadOnlySpan<byte> Describe(Format format, byte[] key, byte[] value, DateTimeOffset? expiry)
    {
        var line = new ArrayBufferWriter<byte>(value.Length + 1);
        switch (format)
        {
            case Format.Text:
                ByteText.AppendEscaped(line, value);
                break;
            case Format.Hex:
                ByteText.AppendHex(line, value);
                break;
            default:
                using (var json = new Utf8JsonWriter(line, LineBuffer.JsonOptions))
                {
                    EntryLines.WriteJson(json, map: null, key, value, expiry);
                }

                break;
        }

        line.Write("\n"u8);
        return line.WrittenSpan;
    }
}
