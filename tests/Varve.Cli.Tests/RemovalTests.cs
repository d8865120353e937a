using System.Text.Json;

namespace Varve.Cli.Tests;

public sealed class RemovalTests : CliHouse
{
    [Fact]
    public void A_map_is_dropped_without_a_question_when_told_so()
    {
        Put("m", "a", "b");
        Put("other", "a");
        Assert.Equal("dropped the map 'm' with 2 entries\n", RunOnData("drop", "m", "--yes").Expect(ExitCode.Ok).Output);
        Assert.Equal(["other\t1"], RunOnData("maps", "-c").Expect(ExitCode.Ok).Lines);
        Assert.Contains("no map 'm'", RunOnData("drop", "m", "-y").ExpectFailure(ExitCode.NotFound).Error);
        string json = RunOnData("drop", "other", "-y", "--json").Expect(ExitCode.Ok).Output;
        Assert.Equal("other", JsonDocument.Parse(json).RootElement.GetProperty("map").GetString());
        Assert.Equal(1, JsonDocument.Parse(json).RootElement.GetProperty("entries").GetInt64());
        Assert.True(JsonDocument.Parse(json).RootElement.GetProperty("isExact").GetBoolean());
        Assert.Empty(RunOnData("maps").Expect(ExitCode.Ok).Lines);
    }

    [Theory]
    [InlineData("y\n", true)]
    [InlineData("YES\r\n", true)]
    [InlineData("n\n", false)]
    [InlineData("\n", false)]
    [InlineData("", false)]
    [InlineData("yesterday\n", false)]
    public void Only_a_yes_drops(string answer, bool drops)
    {
        Put("m", "a", "b");
        CliRun run = Run(["drop", "m", "-d", Data], System.Text.Encoding.UTF8.GetBytes(answer), canAsk: true);
        Assert.StartsWith("Drop the map 'm' with 2 entries? [y/N] ", run.Error);
        Assert.Equal(drops ? ExitCode.Ok : ExitCode.Canceled, run.ExitCode);
        Assert.Equal(drops ? [] : ["m\t2"], RunOnData("maps", "-c").Expect(ExitCode.Ok).Lines);
    }

    [Fact]
    public void Where_nobody_can_be_asked_nothing_is_dropped()
    {
        Put("m", "a");
        Assert.Contains("--yes", Run(["drop", "m", "-d", Data], "y\n"u8.ToArray()).ExpectFailure(ExitCode.Usage).Error);
        RunProcess("drop", "m", "-d", Data).ExpectFailure(ExitCode.Usage);
        RunOnData("drop").ExpectFailure(ExitCode.Usage);
        RunOnData("drop", new string('m', 256), "-y").ExpectFailure(ExitCode.Usage);
        Assert.Equal(["m"], RunOnData("maps").Expect(ExitCode.Ok).Lines);
    }

    [Theory]
    [InlineData("a,b,c1,c2,d", "2 entries from 'c' on and before 'd'", "--prefix", "c")]
    [InlineData("a,b,c1,c2,d", "3 entries from 'b' on and before 'd'", "--from", "b", "--to", "d")]
    [InlineData("a,b,c1,c2,d", "1 entry from the beginning and before 'b'", "--to", "b")]
    [InlineData("a,b,c1,c2,d", "1 entry from 'c2' on and before 'd'", "--prefix", "c", "--from", "c2")]
    [InlineData("a,b,c1,c2,d", "3 entries from 'c' on to the end", "--from", "63", "-x")]
    [InlineData("a,b,c1,c2,d", "0 entries from 'x' on to the end", "--from", "x")]
    [InlineData("a,b,c1,c2,d", "5 entries from the beginning to the end", "--all")]
    public void A_range_goes_and_what_was_in_it_is_told(string keys, string told, params string[] bounds)
    {
        string[] all = keys.Split(',');
        Put("m", all);
        Put("n", all);
        string[] inside = [.. RunOnData(["scan", "-m", "m", "-k", .. bounds.Where(bound => bound != "--all")]).Expect(ExitCode.Ok).Lines];
        CliRun run = RunOnData(["delete-range", "-m", "m", .. bounds]).Expect(ExitCode.Ok);
        Assert.Equal($"deleted {told} of the map 'm'\n", run.Output);
        Assert.Equal(all.Except(inside), RunOnData("scan", "-m", "m", "-k").Expect(ExitCode.Ok).Lines);
        Assert.Equal(all, RunOnData("scan", "-m", "n", "-k").Expect(ExitCode.Ok).Lines);
    }

    [Fact]
    public void A_range_without_bounds_or_without_keys_is_refused()
    {
        Put("m", "a", "b");
        Assert.Contains("--all", RunOnData("delete-range", "-m", "m").ExpectFailure(ExitCode.Usage).Error);
        Assert.Contains("--all", RunOnData("delete-range", "-m", "m", "--prefix", "").ExpectFailure(ExitCode.Usage).Error);
        RunOnData("delete-range", "-m", "m", "--all", "--from", "a").ExpectFailure(ExitCode.Usage);
        RunOnData("delete-range", "-m", "m", "--from", "b", "--to", "a").ExpectFailure(ExitCode.Usage);
        RunOnData("delete-range", "-m", "m", "-x", "--from", "0g").ExpectFailure(ExitCode.Usage);
        RunOnData("delete-range", "-m", "absent", "--all").ExpectFailure(ExitCode.NotFound);
        Assert.Equal(["m\t2"], RunOnData("maps", "-c").Expect(ExitCode.Ok).Lines);
    }

    [Fact]
    public void A_large_range_is_estimated()
    {
        const int entries = 100_001;
        using (Database database = Database.Open(Data))
        {
            using IngestWriter ingest = database.CreateIngest();
            SortedMap map = database.GetMap("m");
            for (int i = 0; i < entries; i++) ingest.Add(map, System.Text.Encoding.UTF8.GetBytes($"{i:D8}"), "v"u8);
            ingest.Commit();
            database.Close();
        }

        string json = RunOnData("delete-range", "-m", "m", "--to", "00000100", "--json").Expect(ExitCode.Ok).Output;
        JsonElement result = JsonDocument.Parse(json).RootElement;
        Assert.Equal(100, result.GetProperty("entries").GetInt64());
        Assert.True(result.GetProperty("isExact").GetBoolean());
        Put("m", [.. Enumerable.Range(0, 200).Select(i => $"more {i}")]);
        json = RunOnData("drop", "m", "-y", "--json").Expect(ExitCode.Ok).Output;
        result = JsonDocument.Parse(json).RootElement;
        Assert.InRange(result.GetProperty("entries").GetInt64(), entries, entries + 1_000);
        Assert.False(result.GetProperty("isExact").GetBoolean());
    }
}
