using System.Text;

namespace Varve.Cli.Tests;

public sealed class KeyCommandsTests : CliHouse
{
    [Fact]
    public void What_was_put_is_printed_byte_by_byte()
    {
        RunOnData("put", "greeting", "hello, wörld").Expect(ExitCode.Ok);
        CliRun run = RunOnData("get", "greeting").Expect(ExitCode.Ok);
        Assert.Equal("hello, wörld", run.Output);
    }

    [Fact]
    public void A_value_from_the_input_keeps_every_byte()
    {
        byte[] value = [.. Enumerable.Range(0, 200_000).Select(i => (byte)(i * 7 >> 3))];
        Run(["put", "-d", Data, "blob", "-"], value).Expect(ExitCode.Ok);
        Assert.Equal(value, RunOnData("get", "blob").Expect(ExitCode.Ok).OutputBytes);
    }

    [Theory]
    [InlineData("raw", "a\tb")]
    [InlineData("text", "a\\tb\n")]
    [InlineData("hex", "610962\n")]
    [InlineData("json", "{\"key\":\"k\",\"value\":\"a\\tb\"}\n")]
    public void A_value_is_printed_in_the_format_asked_for(string format, string expected)
    {
        RunOnData("put", "k", "a\tb").Expect(ExitCode.Ok);
        Assert.Equal(expected, RunOnData("get", "k", "--format", format).Expect(ExitCode.Ok).Output);
    }

    [Fact]
    public void Hexadecimal_keys_and_values_are_bytes()
    {
        RunOnData("put", "--hex", "00FF", "0102ff").Expect(ExitCode.Ok);
        Assert.Equal([1, 2, 255], RunOnData("get", "-x", "00ff").Expect(ExitCode.Ok).OutputBytes);
        using (Database database = Database.Open(Data)) Assert.Equal([1, 2, 255], database.GetMap("default").Get([0, 255]));
        RunOnData("delete", "--hex", "00ff").Expect(ExitCode.Ok);
        RunOnData("get", "-x", "00ff").ExpectFailure(ExitCode.NotFound);
    }

    [Theory]
    [InlineData("")]
    [InlineData("@file")]
    [InlineData("[suggest]")]
    [InlineData("two words")]
    public void Any_text_is_a_key(string key)
    {
        RunOnData("put", key, "v").Expect(ExitCode.Ok);
        using Database database = Database.Open(Data);
        Assert.Equal("v"u8.ToArray(), database.GetMap("default").Get(Encoding.UTF8.GetBytes(key)));
    }

    [Fact]
    public void A_key_with_a_dash_stands_behind_two()
    {
        RunOnData("put", "--", "-key", "v").Expect(ExitCode.Ok);
        Assert.Equal("v", RunOnData("get", "--", "-key").Expect(ExitCode.Ok).Output);
    }

    [Fact]
    public void Deleting_is_no_error_where_the_key_is_gone_already()
    {
        RunOnData("put", "k", "v").Expect(ExitCode.Ok);
        RunOnData("delete", "k").Expect(ExitCode.Ok);
        RunOnData("delete", "k").Expect(ExitCode.Ok);
        RunOnData("get", "k").ExpectFailure(ExitCode.NotFound);
    }

    [Fact]
    public void Maps_do_not_see_each_other()
    {
        RunOnData("put", "--map", "a", "k", "in a").Expect(ExitCode.Ok);
        RunOnData("put", "--map", "b", "other", "in b").Expect(ExitCode.Ok);
        Assert.Equal("in a", RunOnData("get", "-m", "a", "k").Expect(ExitCode.Ok).Output);
        RunOnData("get", "-m", "b", "k").ExpectFailure(ExitCode.NotFound);
        Assert.Contains("no map 'c'", RunOnData("get", "-m", "c", "k").ExpectFailure(ExitCode.NotFound).Error);
    }

    [Fact]
    public void What_is_over_a_limit_is_bad_usage_and_writes_nothing()
    {
        Put("default", "k");
        Assert.Contains("16,384", RunOnData("put", new string('k', 16_385), "v").ExpectFailure(ExitCode.Usage).Error);
        Assert.Contains("255", RunOnData("put", "-m", new string('m', 256), "k", "v").ExpectFailure(ExitCode.Usage).Error);
        RunOnData("put", "--hex", "0g", "00").ExpectFailure(ExitCode.Usage);
        RunOnData("put", "--hex", "000", "00").ExpectFailure(ExitCode.Usage);
        RunOnData("put", "k").ExpectFailure(ExitCode.Usage);
        RunOnData("get", "k", "--format", "yaml").ExpectFailure(ExitCode.Usage);
        RunOnData("get", "k", "--format", "1").ExpectFailure(ExitCode.Usage);
        Assert.Equal(["{\"name\":\"default\",\"entries\":1}"], RunOnData("maps", "--count", "--json").Lines);
    }

    [Theory]
    [InlineData("get", "k")]
    [InlineData("delete", "k")]
    [InlineData("delete-range", "--all")]
    [InlineData("drop", "m", "--yes")]
    [InlineData("put", "k", "v", "--if-value", "u")]
    [InlineData("checkpoint", "no-directory")]
    [InlineData("watch")]
    [InlineData("scan")]
    [InlineData("maps")]
    [InlineData("stats")]
    [InlineData("levels")]
    [InlineData("verify")]
    public void Without_a_database_nothing_is_made(params string[] arguments)
    {
        Assert.Contains(Data, RunOnData(arguments).ExpectFailure(ExitCode.Storage).Error);
        Assert.False(Directory.Exists(Data));
    }

    [Theory]
    [InlineData("get", "k")]
    [InlineData("put", "k", "v")]
    [InlineData("delete", "k")]
    [InlineData("delete-range", "--all")]
    [InlineData("drop", "m", "--yes")]
    [InlineData("checkpoint", "no-directory")]
    [InlineData("watch")]
    [InlineData("scan")]
    [InlineData("verify")]
    public void A_database_that_is_open_elsewhere_is_refused_with_its_owner(params string[] arguments)
    {
        using Database database = Database.Open(Data);
        Assert.Contains(Environment.ProcessId.ToString(), RunOnData(arguments).ExpectFailure(ExitCode.Storage).Error);
    }

    [Fact]
    public void Reading_changes_no_file()
    {
        Put("default", "a", "b", "c");
        Dictionary<string, byte[]> before = ReadFiles();
        string[][] reading = [["get", "a"], ["scan"], ["maps", "-c"], ["stats"], ["levels", "-t"], ["verify"], ["watch"]];
        foreach (string[] arguments in reading)
        {
            RunOnData(arguments).Expect(ExitCode.Ok);
            Dictionary<string, byte[]> after = ReadFiles();
            Assert.Equal(before.Keys.Order(), after.Keys.Order());
            foreach (string name in before.Keys)
                Assert.True(before[name].AsSpan().SequenceEqual(after[name]), $"{arguments[0]} changed {name}");
        }
    }

    private Dictionary<string, byte[]> ReadFiles() =>
        Directory.GetFiles(Data).ToDictionary(path => Path.GetFileName(path), File.ReadAllBytes);
}
