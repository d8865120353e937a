using System.CommandLine;
using Varve.Cli.Output;

namespace Varve.Cli.Commands;

/// <summary><c>varve put KEY VALUE</c></summary>
internal static class PutCommand
{
    private const string FromInput = "-";

    /// <summary>No value may have more, so no more is read.</summary>
    private const int InputBytesMax = 64 << 20;

    public static VarveCommand Create(Terminal terminal)
    {
        Option<string> data = Inputs.Data();
        Option<string> map = Inputs.Map();
        Option<bool> hex = Inputs.Hex("Key and value, that of --if-value too, are");
        var lifetime = new LifetimeOptions();
        var conditions = new ConditionOptions();
        Argument<string> key = Inputs.Key();
        var value = new Argument<string>("value")
        {
            Description = "The value; - reads it from the standard input, byte by byte as it is "
                + "(a lone dash is 2d with --hex, and the key in hexadecimal too).",
        };
        var command = new VarveCommand(
            "put",
            "Give a key a value; on disk when the command returns. Creates database and map where there are none.",
            "varve put greeting \"hello, world\"",
            "varve put --map photos cat.jpg - < cat.jpg",
            "varve put --map sessions 7f3a alice --ttl 30m",
            "varve put --map locks job \"$OWNER\" --if-absent --ttl 10s",
            "varve put counter 42 --if-value 41",
            "varve put --hex 00ff 0102",
            "varve put -- -key-with-a-dash value")
        {
            key, value, data, map, hex, lifetime.TimeToLive, lifetime.Until, conditions.IfAbsent, conditions.IfValue,
        };
        command.Run((parsed, cancellation) =>
        {
            bool isHex = parsed.GetValue(hex);
            byte[] keyBytes = Inputs.Bytes(parsed.GetRequiredValue(key), isHex, "key");
            Condition condition = conditions.Read(parsed, isHex);
            Action<WriteBatch, SortedMap, byte[], byte[]> put = lifetime.Read(parsed);
            string valueText = parsed.GetRequiredValue(value);
            byte[] valueBytes = valueText == FromInput ? ReadInput(terminal, cancellation) : Inputs.Bytes(valueText, isHex, "value");
            using Database database = Inputs.OpenForWriting(parsed.GetRequiredValue(data), createIfMissing: !condition.NeedsEntry);
            SortedMap target = database.GetMap(parsed.GetRequiredValue(map));
            using WriteBatch batch = database.CreateBatch();
            put(batch, target, keyBytes, valueBytes);
            condition.Write(database, batch, target, keyBytes);
            database.Close();
            return ExitCode.Ok;
        });
        return command;
    }

    private static byte[] ReadInput(Terminal terminal, CancellationToken cancellation)
    {
        using var bytes = new MemoryStream();
        byte[] piece = new byte[64 << 10];
        int read;
        while ((read = terminal.Read(piece, cancellation)) > 0)
        {
            if (bytes.Length + read > InputBytesMax)
            {
                throw CommandFailureException.Usage($"The value on the standard input has more than {Figures.Bytes(InputBytesMax)}.");
            }

            bytes.Write(piece, 0, read);
        }

        return bytes.ToArray();
    }
}
