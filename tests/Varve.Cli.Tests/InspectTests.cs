using System.Text.Json;

namespace Varve.Cli.Tests;

public sealed class InspectTests : CliHouse
{
    [Fact]
    public void Every_kind_of_file_is_shown_for_people_and_for_programs()
    {
        Fill();
        Assert.Contains(RunOnData("inspect").Expect(ExitCode.Ok).Lines, line => line.StartsWith("CURRENT", StringComparison.Ordinal));
        JsonElement directory = JsonDocument.Parse(RunOnData("inspect", "--json").Expect(ExitCode.Ok).Output).RootElement;
        Assert.Contains(directory.GetProperty("files").EnumerateArray(), file => file.GetProperty("role").GetString() == "level 6");

        Assert.Contains("1,002", Inspect("manifest", "--edits").Expect(ExitCode.Ok).Output);
        Assert.Equal(1, Json("manifest")[0].GetProperty("state").GetProperty("added").GetArrayLength());

        Assert.Contains("segment", Inspect("log").Expect(ExitCode.Ok).Output);
        Assert.True(Json("log")[0].GetProperty("bytes").GetInt64() > 4096);

        Assert.Contains("all keys", Inspect("table", "--entries").Expect(ExitCode.Ok).Output);
        Assert.Contains("yes", Inspect("table", "--blocks").Expect(ExitCode.Ok).Output);
        Assert.Equal(1_002, Json("table")[0].GetProperty("entries").GetInt64());
        Assert.Equal(0, Json("table")[0].GetProperty("blocks").GetArrayLength());
        Assert.Equal(1_002, Inspect("table", "-e").Expect(ExitCode.Ok).Lines.Length);
        string[] entries = Inspect("table", "-e", "--json").Expect(ExitCode.Ok).Lines;
        Assert.Equal("{\"mapId\":0,\"sequence\":1,\"kind\":\"put\",\"key\":\"all keys\",\"value\":\"\\u0001\"}", entries[1]);
    }

    [Fact]
    public void A_log_lists_its_frames_and_operations_while_it_is_written()
    {
        using Database database = Database.Open(Data);
        database.GetMap("m").Put("a"u8, "1"u8);
        database.GetMap("m").Delete("a"u8);
        Assert.Equal(
            ["0\t1\tput\tm\t\\x01", "0\t2\tput\t\t\\x02", "1\t3\tput\ta\t1", "1\t4\tdelete\ta\t"],
            Inspect("log", "-e").Expect(ExitCode.Ok).Lines);
        Assert.StartsWith("4096\tfull\t", Inspect("log", "--frames").Expect(ExitCode.Ok).Output);
        string frame = Inspect("log", "--frames", "--json").Expect(ExitCode.Ok).Lines[0];
        Assert.Equal(3, JsonDocument.Parse(frame).RootElement.GetProperty("sequenceCount").GetInt64());
        Inspect("log", "-e", "--frames").ExpectFailure(ExitCode.Usage);
    }

    [Theory]
    [InlineData("*.table", "table")]
    [InlineData("MANIFEST-*", "manifest")]
    [InlineData("*.log", "log")]
    public void Damage_is_named_and_the_rest_is_shown(string pattern, string kind)
    {
        Fill();
        string path = Directory.GetFiles(Data, pattern).Order(StringComparer.Ordinal).First();
        byte[] bytes = File.ReadAllBytes(path);
        bytes[pattern == "*.table" ? bytes.Length / 2 : 20] ^= 1;
        File.WriteAllBytes(path, bytes);
        CliRun run = Inspect(kind, Path.GetFileName(path)).Expect(ExitCode.Storage);
        Assert.NotEqual("", run.Output);
        Assert.Contains(path, run.Error);
        Assert.Contains("1 problem found", run.Error);
        JsonElement all = Json(kind, ExitCode.Storage);
        Assert.Single(all.EnumerateArray(), file => file.GetProperty("problems").GetArrayLength() > 0);
        if (kind != "table") Assert.Contains(Path.GetFileName(path), RunOnData("inspect").Expect(ExitCode.Storage).Error);
    }

    [Fact]
    public void What_is_not_there_is_named()
    {
        Assert.Contains(Data, RunOnData("inspect").ExpectFailure(ExitCode.Storage).Error);
        Assert.Contains("000099.table", Inspect("table", "000099.table").ExpectFailure(ExitCode.Usage).Error);
        Directory.CreateDirectory(Data);
        Assert.Contains("no database", RunOnData("inspect").Expect(ExitCode.Storage).Error);
        Inspect("manifest").ExpectFailure(ExitCode.Storage);
        Assert.Contains("varve inspect table --help", Run("inspect", "table", "--data").ExpectFailure(ExitCode.Usage).Error);
    }

    [Fact]
    public void Every_kind_of_operation_in_a_log_has_its_name()
    {
        using (Database database = Database.Open(Data))
        {
            SortedMap map = database.GetMap("m");
            map.PutUntil("a"u8, "1"u8, new DateTimeOffset(2099, 1, 1, 0, 0, 0, TimeSpan.Zero));
            map.DeletePrefix("b"u8);
            map.DeleteRange("c"u8, default);
        }

        string[] lines = Inspect("log", "-e").Expect(ExitCode.Ok).Lines;
        Assert.Equal(["put\ta\t1\t2099-01-01T00:00:00.000Z", "delete-range\tb\tc", "delete-range\tc\t"], lines[2..].Select(Tail));
        Assert.Contains(Inspect("log", "-e", "--json").Expect(ExitCode.Ok).Lines, line => line.EndsWith(
            "\"kind\":\"put\",\"key\":\"a\",\"value\":\"1\",\"expiry\":\"2099-01-01T00:00:00.000Z\"}", StringComparison.Ordinal));

        static string Tail(string line) => string.Join('\t', line.Split('\t')[2..]);
    }

    [Fact]
    public void Logs_of_earlier_opens_are_no_problem()
    {
        for (int i = 0; i < 3; i++) RunOnData("put", "k", $"{i}").Expect(ExitCode.Ok);
        Assert.True(Directory.GetFiles(Data, "*.log").Length > 1);
        Inspect("log").Expect(ExitCode.Ok);
    }

    private CliRun Inspect(string kind, params string[] arguments) => Run(["inspect", kind, "--data", Data, .. arguments]);

    private JsonElement Json(string kind, int exitCode = ExitCode.Ok) =>
        JsonDocument.Parse(Inspect(kind, "--json").Expect(exitCode).Output).RootElement;

    private void Fill()
    {
        using Database database = Database.Open(Data);
        SortedMap map = database.GetMap("all keys");
        for (int i = 0; i < 1_000; i++) map.Put(BitConverter.GetBytes(i), new byte[100], Durability.Buffered);
        database.Compact();
        database.Close();
    }
}
