using System.Globalization;
using System.Text;

namespace Varve.Cli.Tests;

public sealed class WatchTests : CliHouse
{
    [Fact]
    public void Every_kind_of_change_is_a_line_for_people_and_for_programs()
    {
        ulong end = WriteEveryKind();
        string[] lines = RunOnData("watch").Expect(ExitCode.Ok).Lines;
        Assert.Equal(
        [
            "put\tm\ta\ttab\\tvalue",
            "put\tm\tb\tv\t2099-01-01T00:00:00.000Z",
            "put\tn\t\\xff\tw",
            "delete\tm\ta",
            "delete-range\tm\tc\td",
            "delete-range\tm\tx\t",
            "ingest\tm\tp\tq",
            "drop\tn",
            "end",
        ], lines.Select(line => line[(line.IndexOf('\t') + 1)..]));
        Assert.Equal($"{end}\tend", lines[^1]);

        // What one batch did has one sequence.
        Assert.Equal(SequenceOf(lines[1]), SequenceOf(lines[2]));
        Assert.True(SequenceOf(lines[0]) < SequenceOf(lines[1]));

        string[] json = RunOnData("watch", "--format", "json").Expect(ExitCode.Ok).Lines;
        Assert.Equal(
        [
            "\"kind\":\"put\",\"map\":\"m\",\"key\":\"a\",\"value\":\"tab\\tvalue\"}",
            "\"kind\":\"put\",\"map\":\"m\",\"key\":\"b\",\"value\":\"v\",\"expiry\":\"2099-01-01T00:00:00.000Z\"}",
            "\"kind\":\"put\",\"map\":\"n\",\"keyBase64\":\"/w==\",\"value\":\"w\"}",
            "\"kind\":\"delete\",\"map\":\"m\",\"key\":\"a\"}",
            "\"kind\":\"delete-range\",\"map\":\"m\",\"key\":\"c\",\"endKey\":\"d\"}",
            "\"kind\":\"delete-range\",\"map\":\"m\",\"key\":\"x\",\"endKey\":\"\"}",
            "\"kind\":\"ingest\",\"map\":\"m\",\"key\":\"p\",\"endKey\":\"q\"}",
            "\"kind\":\"drop\",\"map\":\"n\"}",
            "\"kind\":\"end\"}",
        ], json.Select(line => line[(line.IndexOf(',') + 1)..]));
        Assert.Equal($"{{\"sequence\":{end},\"kind\":\"end\"}}", json[^1]);
    }

    [Fact]
    public void A_watch_goes_on_behind_a_position()
    {
        ulong end = WriteEveryKind();
        string[] all = RunOnData("watch").Expect(ExitCode.Ok).Lines;
        Assert.Equal(all[3..], RunOnData("watch", "--after", $"{SequenceOf(all[2])}").Expect(ExitCode.Ok).Lines);
        Assert.Equal([$"{end}\tend"], RunOnData("watch", "--after", $"{end}").Expect(ExitCode.Ok).Lines);

        // Over another open.
        RunOnData("put", "-m", "m", "z", "new").Expect(ExitCode.Ok);
        string[] more = RunOnData("watch", "--after", $"{end}").Expect(ExitCode.Ok).Lines;
        Assert.Equal(["put\tm\tz\tnew", "end"], more.Select(line => line[(line.IndexOf('\t') + 1)..]));
        Assert.Equal(all[..^1].Concat(more), RunOnData("watch", "--after", "0").Expect(ExitCode.Ok).Lines);
    }

    [Fact]
    public void Only_the_changes_of_one_map_and_still_the_position_behind_all()
    {
        ulong end = WriteEveryKind();
        string[] lines = RunOnData("watch", "--map", "n").Expect(ExitCode.Ok).Lines;
        Assert.Equal(3, lines.Length);
        Assert.EndsWith("\tput\tn\t\\xff\tw", lines[0]);
        Assert.EndsWith("\tdrop\tn", lines[1]);
        Assert.Equal([$"{end}\tend"], RunOnData("watch", "--map", "absent").Expect(ExitCode.Ok).Lines);
    }

    [Fact]
    public void A_position_that_is_kept_no_more_is_refused_with_the_oldest_one()
    {
        var noHistory = new DatabaseOptions { ChangeHistoryBytes = 0 };
        for (int i = 0; i < 2; i++)
        {
            using Database database = Database.Open(Data, noHistory);
            database.GetMap("m").Put(Encoding.UTF8.GetBytes($"{i}"), "v"u8);
            database.Flush();
            database.Close();
        }

        ulong oldest;
        using (Database database = Database.Open(Data, new DatabaseOptions { Mode = OpenMode.ReadOnly }))
            oldest = database.OldestChangeSequence;
        Assert.True(oldest > 1);
        string error = RunOnData("watch", "--after", "0").ExpectFailure(ExitCode.NotFound).Error;
        Assert.Contains($"The oldest position left is {oldest}: --after {oldest} ", error);
        RunOnData("watch", "--after", $"{oldest}").Expect(ExitCode.Ok);
        RunOnData("watch").Expect(ExitCode.Ok);
    }

    [Fact]
    public void What_is_no_position_is_bad_usage()
    {
        ulong end = WriteEveryKind();
        Assert.Contains($"{end}", RunOnData("watch", "--after", $"{end + 1}").ExpectFailure(ExitCode.Usage).Error);
        RunOnData("watch", "--after", "-1").ExpectFailure(ExitCode.Usage);
        RunOnData("watch", "--after", "soon").ExpectFailure(ExitCode.Usage);
        RunOnData("watch", "--format", "hex").ExpectFailure(ExitCode.Usage);
        RunOnData("watch", "--follow").ExpectFailure(ExitCode.Usage);
    }

    private static ulong SequenceOf(string line) => ulong.Parse(line[..line.IndexOf('\t')], CultureInfo.InvariantCulture);

    private ulong WriteEveryKind()
    {
        using Database database = Database.Open(Data);
        SortedMap map = database.GetMap("m");
        map.Put("a"u8, "tab\tvalue"u8);
        using WriteBatch batch = database.CreateBatch();
        batch.PutUntil(map, "b"u8, "v"u8, new DateTimeOffset(2099, 1, 1, 0, 0, 0, TimeSpan.Zero));
        batch.Put(database.GetMap("n"), [0xff], "w"u8);
        database.Write(batch);
        map.Delete("a"u8);
        map.DeletePrefix("c"u8);
        map.DeleteRange("x"u8, default);
        using (IngestWriter ingest = database.CreateIngest())
        {
            ingest.Add(map, "p"u8, "1"u8);
            ingest.Add(map, "q"u8, "2"u8);
            ingest.Commit();
        }

        database.DropMap("n");
        ulong end = database.LatestSequence;
        database.Close();
        return end;
    }
}
