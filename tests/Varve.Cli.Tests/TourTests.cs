using Varve.Cli.Output;
using Varve.Cli.Tour;

namespace Varve.Cli.Tests;

public sealed class TourTests : CliHouse
{
    private static readonly DateTime Noon = new(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc);

    [Fact]
    public void The_tour_of_a_small_folder_holds_every_check()
    {
        MakeFiles(40);
        CliRun run = Run("tour", "--folder", PathOf("files"), "--data", Data).Expect(ExitCode.Ok);
        Assert.DoesNotContain("FAILED", run.Output);
        Assert.Contains("40 files", run.Output);
        Assert.Contains("level 6", run.Output);
        Assert.Contains(" 0 failed", run.Output);

        // What the tour said is really there.
        Assert.Equal(40, RunOnData("scan", "-m", "files/by-path", "-k").Expect(ExitCode.Ok).Lines.Length);
        Assert.Contains("moved/a/file-00.txt", RunOnData("scan", "-m", "files/by-path", "-k").Lines);
        Assert.Equal(
            RunOnData("scan", "-m", "crash/by-number", "-k").Expect(ExitCode.Ok).Lines.Length,
            RunOnData("scan", "-m", "crash/by-content", "-k").Expect(ExitCode.Ok).Lines.Length);
    }

    [Fact]
    public void A_temporary_database_is_removed_unless_it_is_to_be_kept()
    {
        MakeFiles(3);
        CliRun run = Run("tour", "--folder", PathOf("files")).Expect(ExitCode.Ok);
        Assert.False(Directory.Exists(DatabaseOf(run)));
        run = Run("tour", "--folder", PathOf("files"), "--keep").Expect(ExitCode.Ok);
        Assert.True(Directory.Exists(DatabaseOf(run)));
        Directory.Delete(DatabaseOf(run), recursive: true);
    }

    [Fact]
    public void The_tour_touches_no_directory_with_files_and_wants_a_folder_with_some()
    {
        MakeFiles(2);
        Run("tour", "--folder", PathOf("files"), "--data", PathOf("files")).ExpectFailure(ExitCode.Usage);
        Run("tour", "--folder", PathOf("nowhere")).ExpectFailure(ExitCode.Usage);
        Directory.CreateDirectory(PathOf("empty"));
        Run("tour", "--folder", PathOf("empty")).Expect(ExitCode.NotFound);
    }

    [Fact]
    public void An_index_that_lacks_a_file_fails_the_checks()
    {
        MakeFiles(10);
        List<FileFact> listed = FileFact.ListBelow(PathOf("files"), CancellationToken.None);
        using Database database = Database.Open(Data);
        var index = new FileIndex(database);
        index.Fill(listed, _ => { }, CancellationToken.None);

        TourReport whole = NewReport();
        new TourQueries(whole, index, new FileList(listed)).Run();
        Assert.Equal(0, whole.ChecksFailed);
        Assert.True(whole.ChecksHeld >= 8);

        index.ByPath.Delete(listed[5].PathKey);
        TourReport lacking = NewReport();
        new TourQueries(lacking, index, new FileList(listed)).Run();
        Assert.True(lacking.ChecksFailed >= 3, $"only {lacking.ChecksFailed} checks noticed it");
    }

    [Fact]
    public void A_lost_acknowledged_batch_fails_the_checks()
    {
        var options = new DatabaseOptions();
        Database.Open(Data, options).Dispose();
        TourReport report = NewReport();
        var trial = new CrashTrial(report, Data, options);
        trial.Kill(CancellationToken.None);
        Assert.Equal(0, report.ChecksFailed);
        using Database database = Database.Open(Data, options);
        trial.CheckRecovered(database);
        Assert.Equal(0, report.ChecksFailed);

        // In one map of two: a torn batch.
        database.GetMap(CrashRecord.ByContentName).Delete(CrashRecord.Content(2));
        trial.CheckRecovered(database);
        Assert.Equal(1, report.ChecksFailed);

        // From the third batch on, in both maps: acknowledged, and lost.
        SortedMap byNumber = database.GetMap(CrashRecord.ByNumberName);
        List<byte[]> lost = [];
        foreach (Entry entry in byNumber.Range(CrashRecord.Key(2), [])) lost.Add(entry.Key.ToArray());
        using WriteBatch batch = database.CreateBatch();
        foreach (byte[] key in lost)
        {
            batch.Delete(byNumber, key);
            batch.Delete(database.GetMap(CrashRecord.ByContentName), byNumber.Get(key)!);
        }

        database.Write(batch);
        trial.CheckRecovered(database);
        Assert.Equal(2, report.ChecksFailed);
    }

    private static TourReport NewReport() => new(new Terminal(Stream.Null, new MemoryStream(), TextWriter.Null, isInteractive: false));

    private static string DatabaseOf(CliRun run)
    {
        string line = run.Lines.Single(candidate => candidate.Contains("database: ", StringComparison.Ordinal));
        return line.Split("database: ")[1].Split(" (removed")[0].Trim();
    }

    private void MakeFiles(int count)
    {
        for (int i = 0; i < count; i++)
        {
            string name = i % 3 == 0 ? "a" : i % 3 == 1 ? "b/c" : "dä";
            string folder = Directory.CreateDirectory(Path.Combine(PathOf("files"), name)).FullName;
            string path = Path.Combine(folder, $"file-{i:D2}.txt");
            File.WriteAllText(path, new string('x', i));
            File.SetLastWriteTimeUtc(path, Noon.AddDays(-(i * 7 % count)));
        }
    }
}
