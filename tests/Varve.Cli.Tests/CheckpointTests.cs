using System.Text.Json;

namespace Varve.Cli.Tests;

public sealed class CheckpointTests : CliHouse
{
    [Fact]
    public void A_checkpoint_opens_as_the_database_at_its_moment()
    {
        Put("m", "a", "b");
        Assert.StartsWith("sequence ", RunOnData("checkpoint", PathOf("a/b")).Expect(ExitCode.Ok).Output);
        Put("m", "c");
        Assert.Equal(["a", "b"], Run("scan", "-d", PathOf("a/b"), "-m", "m", "-k").Expect(ExitCode.Ok).Lines);
        Run("verify", "-d", PathOf("a/b")).Expect(ExitCode.Ok);
        Run("put", "-d", PathOf("a/b"), "-m", "m", "d", "v").Expect(ExitCode.Ok);
        Assert.Equal(["a", "b", "c"], RunOnData("scan", "-m", "m", "-k").Expect(ExitCode.Ok).Lines);
    }

    [Fact]
    public void Its_figures_are_there_for_programs()
    {
        Put("m", "a", "b");
        JsonElement result = JsonDocument.Parse(RunOnData("checkpoint", PathOf("copy"), "--json").Expect(ExitCode.Ok).Output).RootElement;
        Assert.Equal(PathOf("copy"), result.GetProperty("directory").GetString());
        using Database database = Database.Open(Data, new DatabaseOptions { Mode = OpenMode.ReadOnly });
        Assert.Equal(database.LatestSequence, result.GetProperty("sequence").GetUInt64());
        long bytes = Directory.GetFiles(PathOf("copy"), "*.table").Sum(path => new FileInfo(path).Length);
        Assert.Equal(bytes, result.GetProperty("tableBytes").GetInt64());
        Assert.True(bytes > 0);
        Assert.True(result.GetProperty("seconds").GetDouble() > 0);
    }

    [Fact]
    public void A_directory_with_something_in_it_stays_as_it_is()
    {
        Put("m", "a");
        Directory.CreateDirectory(PathOf("full"));
        File.WriteAllText(PathOf("full/file"), "content");
        Assert.Contains("not empty", RunOnData("checkpoint", PathOf("full")).ExpectFailure(ExitCode.Storage).Error);
        Assert.Equal([PathOf("full/file")], Directory.GetFiles(PathOf("full")).Where(path => Path.GetFileName(path) != "LOCK"));
        RunOnData("checkpoint", Data).ExpectFailure(ExitCode.Storage);
        RunOnData("checkpoint", "").ExpectFailure(ExitCode.Usage);
        RunOnData("checkpoint").ExpectFailure(ExitCode.Usage);
    }
}
