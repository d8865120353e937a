using System.Buffers;
using System.Text;
using System.Text.Json;
using Varve.Cli.Commands;
using Varve.Cli.Output;
using Varve.Cli.Transfer;
using Varve.Simulation;

namespace Varve.Simulate;

/// <summary>The lines that <c>varve import</c> reads: a row or a problem with its place; a row is the same when exported again.</summary>
internal sealed class ImportTarget : FuzzTarget
{
    private const int ValueBytesMax = 1 << 10;

    private readonly RowFormat _format;
    private readonly RowParser _parser;
    private readonly RowParser _again;

    private ImportTarget(string name, RowFormat format, params string[] lines)
        : base(name)
    {
        _format = format;
        _parser = RowParser.Create(format, ValueBytesMax);
        _again = RowParser.Create(format, ValueBytesMax);
        Seeds = [.. lines.Select(Encoding.UTF8.GetBytes)];
    }

    public override IReadOnlyList<byte[]> Seeds { get; }

    public static FuzzTarget[] Make() =>
    [
        new ImportTarget(
            "import-tsv",
            RowFormat.Tsv,
            "key\tvalue",
            "k\\\\\\t\\x00\\xfF\tv\\n\\r",
            "\t",
            "größe\t" + new string('v', 900),
            "k\tv\t2030-01-31T12:00:00.000Z"),
        new ImportTarget(
            "import-json",
            RowFormat.NdJson,
            """{"key":"k","value":"v"}""",
            """{"map":"größe","keyBase64":"AAECAw==","valueBase64":"//79"}""",
            """{"key":"k","value":"v","expiry":"2030-01-31T12:00:00.000Z"}""",
            """ { "value" : "\u0000\"\\ \ud83d\ude00" , "key" : "\t" } """),
    ];

    public override void Check(ReadOnlySpan<byte> input)
    {
        // Lines are not empty and have no line end within.
        int end = input.IndexOf((byte)'\n');
        ReadOnlySpan<byte> line = end < 0 ? input : input[..end];
        if (line.IsEmpty) return;
        if (_parser.Parse(line) is { } problem)
        {
            if (problem.ByteOffset < 0 || problem.ByteOffset > line.Length)
                throw new HistoryViolationException($"the problem's place is {problem.ByteOffset} in a line of {line.Length}");
            if (string.IsNullOrEmpty(problem.Detail)) throw new HistoryViolationException("a problem without words");
            return;
        }

        byte[] written = Write();
        if (_again.Parse(written) is { } wrong) throw new HistoryViolationException($"a row cannot be read again: {wrong.Detail}");
        bool isSame = _again.Key.SequenceEqual(_parser.Key) && _again.Value.SequenceEqual(_parser.Value)
            && _again.Map.SequenceEqual(_parser.Map)
            && _again.Expiry?.ToUnixTimeMilliseconds() == _parser.Expiry?.ToUnixTimeMilliseconds();
        if (!isSame) throw new HistoryViolationException("a row is another when it is exported again");
    }

    /// <summary>As an export writes it.</summary>
    private byte[] Write()
    {
        var written = new ArrayBufferWriter<byte>();
        if (_format == RowFormat.Tsv)
        {
            ByteText.AppendEscaped(written, _parser.Key);
            written.Write("\t"u8);
            ByteText.AppendEscaped(written, _parser.Value);
            EntryLines.AppendExpiry(written, _parser.Expiry);
        }
        else
        {
            using var json = new Utf8JsonWriter(written, LineBuffer.JsonOptions);
            EntryLines.WriteJson(json, _parser.Map.IsEmpty ? null : _parser.Map.ToArray(), _parser.Key, _parser.Value, _parser.Expiry);
        }

        return written.WrittenSpan.ToArray();
    }
}
