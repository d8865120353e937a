using System.Text.Json;

namespace Varve.Cli.Tests;

public sealed class ScanCommandTests : CliHouse
{
    [Theory]
    [InlineData("", "a ab abc b ba c")]
    [InlineData("--reverse", "c ba b abc ab a")]
    [InlineData("--prefix a", "a ab abc")]
    [InlineData("--prefix a -r", "abc ab a")]
    [InlineData("--from ab", "ab abc b ba c")]
    [InlineData("--to b", "a ab abc")]
    [InlineData("--from ab --to ba", "ab abc b")]
    [InlineData("--from ab --to ba -r", "b abc ab")]
    [InlineData("--prefix a --from ab --to abc", "ab")]
    [InlineData("--prefix b --from a --to z", "b ba")]
    [InlineData("--prefix a --from b", "")]
    [InlineData("--from c --to a", "")]
    [InlineData("--limit 2", "a ab")]
    [InlineData("--limit 2 -r", "c ba")]
    [InlineData("--limit 0", "")]
    [InlineData("--prefix x", "")]
    [InlineData("--hex --from 6162 --to 62", "ab abc")]
    public void The_options_choose_keys_and_their_order(string options, string expected)
    {
        Put("default", "c", "ba", "b", "abc", "ab", "a");
        CliRun run = RunOnData(["scan", "--keys-only", .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)]).Expect(ExitCode.Ok);
        Assert.Equal(expected, string.Join(' ', run.Lines));
    }

    [Fact]
    public void Text_is_one_line_an_entry_whatever_is_in_it()
    {
        PutBytes([0xFF, (byte)'k', (byte)'\\'], "a\tb\nc\rd\0e\u001b[31m ü \u202e \u0085"u8);
        CliRun run = RunOnData("scan").Expect(ExitCode.Ok);
        Assert.Equal("\\xffk\\\\\ta\\tb\\nc\\rd\\x00e\\x1b[31m ü \\xe2\\x80\\xae \\xc2\\x85\n", run.Output);
    }

    [Fact]
    public void Json_gives_text_as_text_and_other_bytes_as_base64()
    {
        byte[] noText = [0xC3, 0x28];
        PutBytes("grüße\n"u8, noText);
        PutBytes(noText, "\"quoted\" <b>"u8);
        string[] lines = RunOnData("scan", "--format", "json").Expect(ExitCode.Ok).Lines;
        Assert.Equal(2, lines.Length);
        using JsonDocument first = JsonDocument.Parse(lines[0]);
        Assert.Equal("grüße\n", first.RootElement.GetProperty("key").GetString());
        Assert.Equal(noText, first.RootElement.GetProperty("valueBase64").GetBytesFromBase64());
        using JsonDocument second = JsonDocument.Parse(lines[1]);
        Assert.Equal(noText, second.RootElement.GetProperty("keyBase64").GetBytesFromBase64());
        Assert.Equal("\"quoted\" <b>", second.RootElement.GetProperty("value").GetString());
        using JsonDocument keyOnly = JsonDocument.Parse(RunOnData("scan", "-f", "json", "-k", "-n", "1").Expect(ExitCode.Ok).Lines[0]);
        Assert.Equal(["key"], keyOnly.RootElement.EnumerateObject().Select(field => field.Name));
    }

    [Fact]
    public void Hexadecimal_is_key_tab_value()
    {
        PutBytes([0, 0xAB], [0xFF]);
        Assert.Equal("00ab\tff\n", RunOnData("scan", "--format", "hex").Expect(ExitCode.Ok).Output);
    }

    [Fact]
    public void A_prefix_of_the_highest_bytes_has_no_end()
    {
        PutBytes([0xFF, 0xFF, 1], "in"u8);
        PutBytes([0xFF, 0xFE], "before"u8);
        Assert.Equal(["ffff01"], RunOnData("scan", "--hex", "--prefix", "ffff", "-k", "-f", "hex").Expect(ExitCode.Ok).Lines);
        Assert.Equal(["fffe", "ffff01"], RunOnData("scan", "--hex", "--prefix", "ff", "-k", "-f", "hex").Expect(ExitCode.Ok).Lines);
    }

    [Fact]
    public void More_than_a_pipe_takes_at_once_is_printed_whole()
    {
        string[] keys = [.. Enumerable.Range(0, 20_000).Select(i => $"key-{i:D6}")];
        Put("many", keys);
        CliRun run = RunOnData("scan", "--map", "many").Expect(ExitCode.Ok);
        Assert.Equal(keys.Select(key => $"{key}\tvalue of {key}"), run.Lines);
    }

    [Theory]
    [InlineData("--limit", "-1")]
    [InlineData("--limit", "many")]
    [InlineData("--format", "xml")]
    [InlineData("--hex", "--prefix", "f")]
    [InlineData("--no-such-option")]
    [InlineData("argument")]
    public void Bad_options_are_bad_usage(params string[] options)
    {
        Put("default", "a");
        RunOnData(["scan", .. options]).ExpectFailure(ExitCode.Usage);
    }

    private void PutBytes(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        using Database database = Database.Open(Data);
        database.GetMap("default").Put(key, value);
        database.Close();
    }
}
