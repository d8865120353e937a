using System.Text;
using System.Text.Json;

namespace Varve.Cli.Tests;

public sealed class MaintenanceTests : CliHouse
{
    [Fact]
    public void A_database_that_does_not_open_is_verified_all_the_same()
    {
        Fill();
        File.WriteAllText(Path.Combine(Data, "CURRENT"), "nonsense");
        CliRun run = RunOnData("verify").Expect(ExitCode.Storage);
        Assert.Equal("", run.Output);
        Assert.Contains("CURRENT, offset 0", run.Error);
        JsonElement json = JsonDocument.Parse(RunOnData("verify", "--json").Expect(ExitCode.Storage).Output).RootElement;
        Assert.False(json.GetProperty("isSound").GetBoolean());
        Assert.EndsWith("CURRENT", json.GetProperty("damages")[0].GetProperty("path").GetString());
        using (Database open = Database.Open(PathOf("other")))
            Assert.Contains("process", Run("verify", "--data", PathOf("other")).ExpectFailure(ExitCode.Storage).Error);
    }

    [Fact]
    public void A_repair_without_losses_asks_and_then_does_it()
    {
        Fill();
        File.Delete(Path.Combine(Data, "CURRENT"));
        Assert.Contains("nothing is lost", RunOnData("repair", "--dry-run").Expect(ExitCode.Ok).Output);
        Assert.False(File.Exists(Path.Combine(Data, "CURRENT")));
        Assert.Contains("--yes", Run("repair", Data).ExpectFailure(ExitCode.Usage).Error);
        CliRun refused = Run(["repair", Data], "n\n"u8.ToArray(), canAsk: true);
        Assert.Equal(ExitCode.Canceled, refused.ExitCode);
        Assert.Contains("damaged:", refused.Output);
        RunOnData("repair", "--json").ExpectFailure(ExitCode.Usage);
        Assert.False(File.Exists(Path.Combine(Data, "CURRENT")));

        CliRun run = Run(["repair", Data], "y\n"u8.ToArray(), canAsk: true);
        Assert.Equal(ExitCode.Ok, run.ExitCode);
        Assert.Contains("damaged-0001", run.Output);
        Assert.Contains("the database is sound now", run.Output);
        Assert.True(Directory.Exists(Path.Combine(Data, "damaged-0001")));
        Assert.StartsWith("sound", RunOnData("verify").Expect(ExitCode.Ok).Output);
        Assert.Equal(1_000, RunOnData("scan", "-m", "m", "-k").Expect(ExitCode.Ok).Lines.Length);
        Assert.Contains("nothing was changed", RunOnData("repair", "--yes").Expect(ExitCode.Ok).Output);
    }

    [Fact]
    public void A_repair_with_losses_names_map_and_keys_and_returns_its_own_code()
    {
        Fill();
        string path = Directory.GetFiles(Data, "*.table").MaxBy(file => new FileInfo(file).Length)!;
        byte[] bytes = File.ReadAllBytes(path);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(path, bytes);
        CliRun plan = RunOnData("repair", "--dry-run", "--json").Expect(ExitCode.Losses);
        Assert.Single(JsonDocument.Parse(plan.Output).RootElement.GetProperty("losses").EnumerateArray());
        CliRun run = RunOnData("repair", "-y").Expect(ExitCode.Losses);
        Assert.Contains("map 'm', entries between 'key 0", run.Output);
        Assert.Contains("1 loss", run.Error);
        Assert.InRange(RunOnData("scan", "-m", "m", "-k").Expect(ExitCode.Ok).Lines.Length, 500, 999);
    }

    [Fact]
    public void A_backup_is_made_listed_verified_pruned_and_restored()
    {
        Fill();
        string backup = PathOf("backup");
        Assert.StartsWith("version 1: ", Run("backup", backup, "--data", Data).Expect(ExitCode.Ok).Output);
        RunOnData("put", "-m", "m", "key 0001", "changed").Expect(ExitCode.Ok);
        JsonElement second = Json("backup", backup, "--data", Data, "--json");
        Assert.Equal(2, second.GetProperty("version").GetProperty("number").GetInt64());
        Assert.True(second.GetProperty("copiedTables").GetInt32() < second.GetProperty("version").GetProperty("tables").GetInt32());

        Assert.Equal(3, Run("backups", "list", backup).Expect(ExitCode.Ok).Lines.Length);
        Assert.Equal(2, Json("backups", "list", backup, "--json").GetArrayLength());
        Assert.StartsWith("sound: 2 versions", Run("backups", "verify", backup).Expect(ExitCode.Ok).Output);

        Assert.StartsWith("version 1 of ", Run("restore", backup, PathOf("first"), "--version", "1").Expect(ExitCode.Ok).Output);
        Assert.StartsWith("value", Get("first"));
        Run("restore", backup, PathOf("newest"), "--json").Expect(ExitCode.Ok);
        Assert.Equal("changed", Get("newest"));
        Assert.Contains("not empty", Run("restore", backup, PathOf("newest")).ExpectFailure(ExitCode.Storage).Error);
        Assert.Contains("version 9", Run("restore", backup, PathOf("ninth"), "--version", "9").ExpectFailure(ExitCode.Usage).Error);

        Assert.StartsWith("removed 1 version", Run("backups", "prune", backup, "--keep", "1").Expect(ExitCode.Ok).Output);
        Run("backups", "prune", backup, "--keep", "0").ExpectFailure(ExitCode.Usage);
        Assert.Equal(0, Json("backups", "prune", backup, "--json").GetProperty("removedFiles").GetInt32());
        Assert.Equal(2, Run("backups", "list", backup).Expect(ExitCode.Ok).Lines.Length);
    }

    [Fact]
    public void A_damaged_backup_is_named_with_the_versions_it_breaks()
    {
        Fill();
        string backup = PathOf("backup");
        Run("backup", backup, "--data", Data).Expect(ExitCode.Ok);
        string path = Directory.GetFiles(backup, "*.table")[0];
        byte[] bytes = File.ReadAllBytes(path);
        bytes[100] ^= 1;
        File.WriteAllBytes(path, bytes);
        CliRun run = Run("backups", "verify", backup).Expect(ExitCode.Storage);
        Assert.Contains(path, run.Error);
        Assert.Contains("cannot be restored: 1", run.Error);
        JsonElement json = JsonDocument.Parse(Run("backups", "verify", backup, "--json").Expect(ExitCode.Storage).Output).RootElement;
        Assert.Equal(1, json.GetProperty("brokenVersions")[0].GetInt64());
        Assert.Contains(Path.GetFileName(path), Run("restore", backup, PathOf("new")).ExpectFailure(ExitCode.Storage).Error);
        Assert.Contains("no backup directory", Run("backups", "list", PathOf("absent")).ExpectFailure(ExitCode.Storage).Error);
    }

    private static JsonElement Json(params string[] arguments) =>
        JsonDocument.Parse(Run(arguments).Expect(ExitCode.Ok).Output).RootElement;

    private string Get(string directory) => Run("get", "--data", PathOf(directory), "-m", "m", "key 0001").Expect(ExitCode.Ok).Output;

    private void Fill()
    {
        using Database database = Database.Open(Data);
        SortedMap map = database.GetMap("m");
        var random = new Random(3);
        for (int i = 0; i < 1_000; i++)
        {
            byte[] value = new byte[100];
            random.NextBytes(value);
            "value"u8.CopyTo(value);
            map.Put(Encoding.UTF8.GetBytes($"key {i:D4}"), value, Durability.Buffered);
        }

        database.Compact();
        database.Close();
    }
}
