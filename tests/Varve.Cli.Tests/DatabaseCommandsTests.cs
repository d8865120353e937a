using System.Text.Json;

namespace Varve.Cli.Tests;

public sealed class DatabaseCommandsTests : CliHouse
{
    [Fact]
    public void Maps_are_listed_by_name_with_their_counts()
    {
        Put("zebra", "a");
        Put("apple", "a", "b", "c");
        Put("line\nend", "a");
        Assert.Equal(["apple", "line\\nend", "zebra"], RunOnData("maps").Expect(ExitCode.Ok).Lines);
        Assert.Equal(["apple\t3", "line\\nend\t1", "zebra\t1"], RunOnData("maps", "--count").Expect(ExitCode.Ok).Lines);
        Assert.Equal("{\"name\":\"apple\",\"entries\":3}", RunOnData("maps", "-c", "--json").Expect(ExitCode.Ok).Lines[0]);
    }

    [Fact]
    public void Statistics_are_for_people_and_for_programs()
    {
        Put("m", "a", "b");
        Assert.Contains(
            RunOnData("stats").Expect(ExitCode.Ok).Lines,
            line => line.StartsWith("maps", StringComparison.Ordinal) && line.TrimEnd().EndsWith('1'));
        using JsonDocument json = JsonDocument.Parse(RunOnData("stats", "--json").Expect(ExitCode.Ok).Output);
        Assert.Equal(1, json.RootElement.GetProperty("mapCount").GetInt32());
        Assert.Equal(7, json.RootElement.GetProperty("levels").GetArrayLength());
    }

    [Fact]
    public void Levels_are_drawn_with_every_table()
    {
        FillLevels();
        CliRun run = RunOnData("levels", "--tables").Expect(ExitCode.Ok);
        for (int level = 0; level < 7; level++)
            Assert.Contains(run.Lines, line => line.StartsWith($"level {level}", StringComparison.Ordinal));
        string bottom = run.Lines.Single(line => line.StartsWith("level 6", StringComparison.Ordinal));
        Assert.Contains("█", bottom);
        Assert.Contains("1,000 entries", bottom);
        using JsonDocument json = JsonDocument.Parse(RunOnData("levels", "--json").Expect(ExitCode.Ok).Output);
        foreach (JsonElement level in json.RootElement.EnumerateArray())
        {
            foreach (JsonElement table in level.GetProperty("tables").EnumerateArray())
            {
                string file = table.GetProperty("fileName").GetString()!;
                Assert.Contains(run.Lines, line => line.Contains(file, StringComparison.Ordinal));
            }
        }
    }

    [Fact]
    public void A_sound_database_is_verified()
    {
        FillLevels();
        Assert.StartsWith("sound: ", RunOnData("verify").Expect(ExitCode.Ok).Output);
        using JsonDocument json = JsonDocument.Parse(RunOnData("verify", "--json").Expect(ExitCode.Ok).Output);
        Assert.True(json.RootElement.GetProperty("isSound").GetBoolean());
        Assert.True(json.RootElement.GetProperty("entries").GetInt64() >= 1_000);
    }

    [Fact]
    public void A_damaged_table_is_named_and_fails_the_verification()
    {
        FillLevels();
        string path = Directory.GetFiles(Data, "*.table").OrderByDescending(file => new FileInfo(file).Length).First();
        byte[] bytes = File.ReadAllBytes(path);

        // Not in the first block: that holds the names of the maps, without which the database does not open.
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(path, bytes);
        CliRun run = RunOnData("verify").Expect(ExitCode.Storage);
        Assert.Equal("", run.Output);
        Assert.Contains(Path.GetFileName(path), run.Error);
        using JsonDocument json = JsonDocument.Parse(RunOnData("verify", "--json").Expect(ExitCode.Storage).Output);
        Assert.False(json.RootElement.GetProperty("isSound").GetBoolean());
        Assert.EndsWith(Path.GetFileName(path), json.RootElement.GetProperty("damages")[0].GetProperty("path").GetString());
    }

    [Fact]
    public void A_damaged_manifest_is_a_storage_error()
    {
        Put("m", "a");
        File.WriteAllText(Path.Combine(Data, "CURRENT"), "nonsense");
        Assert.Contains("CURRENT", RunOnData("scan", "-m", "m").ExpectFailure(ExitCode.Storage).Error);
    }

    private void FillLevels()
    {
        using (Database database = Database.Open(Data))
        {
            SortedMap map = database.GetMap("m");
            for (int i = 0; i < 998; i++) map.Put(BitConverter.GetBytes(i), new byte[100], Durability.Buffered);
            database.Compact();
            database.Close();
        }

        Put("m", "one more");
    }
}
