using System.Diagnostics;
using System.Text.Json;
using Varve.Cli.Torture;

namespace Varve.Cli.Tests;

public sealed class TortureTests : CliHouse
{
    [Fact]
    public void Rounds_of_the_kinds_that_need_no_device_break_nothing()
    {
        string[] arguments =
            ["torture", "--rounds", "4", "--seed", "5", "--json", "--data", Data, "--only", "Kill", "KillInRecovery", "Stop"];
        CliRun run = Run(arguments).Expect(ExitCode.Ok);
        JsonElement result = JsonDocument.Parse(run.Output).RootElement;
        Assert.Equal(0, result.GetProperty("faults").GetArrayLength());
        Assert.Equal(4, result.GetProperty("rounds").EnumerateObject().Sum(kind => kind.Value.GetInt32()));
        Assert.True(result.GetProperty("acknowledged").GetInt64() > 0);
        Assert.True(RunOnData("verify").Expect(ExitCode.Ok).Output.Length > 0);
    }

    [Fact]
    public void A_process_that_is_killed_keeps_all_that_it_has_acknowledged_without_a_sync()
    {
        const int Streams = 2;
        var ledger = new TortureLedger(Streams);
        foreach (int acknowledgements in (int[])[1, 50, 2_000, 9_000])
        {
            ledger.BeginProcess();
            using (Process writer = Start(TortureWriter.CommandName, "--data", Data, "--seed", "7"))
            {
                int seen = 0;
                while (writer.StandardOutput.ReadLine() is { } line)
                {
                    if (!line.EndsWith(TortureWriter.LineEnd, StringComparison.Ordinal)) continue;
                    if (!ledger.TryTake(line.AsSpan()[..^TortureWriter.LineEnd.Length])) continue;
                    if (++seen == acknowledgements) writer.Kill();
                }

                Assert.True(seen >= acknowledgements);
                writer.WaitForExit();
            }

            using Database database = Database.Open(Data, TortureDatabase.Options());
            Assert.Empty(ledger.Check(database));
        }
    }

    [Fact]
    public void A_directory_with_files_is_not_touched()
    {
        Directory.CreateDirectory(Data);
        File.WriteAllText(Path.Combine(Data, "mine"), "");
        RunOnData("torture").ExpectFailure(ExitCode.Usage);
        Assert.Single(Directory.EnumerateFileSystemEntries(Data));
    }

    [Fact]
    public void The_ledger_notices_what_is_lost_torn_or_changed()
    {
        using Database database = Database.Open(Data, TortureDatabase.Options());
        SortedMap byNumber = database.GetMap(TortureStream.ByNumberName);
        SortedMap byContent = database.GetMap(TortureStream.ByContentName);
        for (long number = 1; number <= 10; number++) Add(database, stream: 0, number);
        for (long number = 1; number <= 5; number++) Add(database, stream: 1, number);

        // Told as it is: nothing is wrong.
        TortureLedger ledger = Told("ack 0 10 30 0", "ack 1 5 50 0");
        Assert.Empty(ledger.Check(database));

        // More was acknowledged than is there; what only the process's buffer had may be lost, but not before what survived.
        Assert.Contains("11 was acknowledged", Assert.Single(Told("ack 0 11 31 1", "ack 1 5 30 0").Check(database)));
        Assert.Empty(Told("ack 0 10 30 0", "ack 0 11 60 2", "ack 1 5 50 0").Check(database));
        Assert.Contains("a later write survived", Assert.Single(Told("ack 0 10 30 0", "ack 0 11 40 2", "ack 1 5 50 0").Check(database)));

        // The disk died too: only what was synced is promised.
        Assert.Empty(Told("ack 0 10 30 0", "ack 0 11 60 1", "ack 1 5 50 0").Check(database, diedWithDisk: true));

        // Nobody wrote so much.
        Assert.Contains("was the last told", Assert.Single(Told("ack 0 8 30 0", "ack 1 5 50 0").Check(database)));

        // Half a batch is missing, an entry is missing, a value is another.
        byContent.Delete(TortureStream.Digest(1, 3));
        Assert.Contains("entry 3 is not found", Assert.Single(Told("ack 0 10 30 0", "ack 1 5 50 0").Check(database)));
        byNumber.Delete(TortureStream.Key(1, 3));
        Assert.Contains("stands where 3 must", Assert.Single(Told("ack 0 10 30 0", "ack 1 5 50 0").Check(database)));
        byNumber.Put(TortureStream.Key(1, 2), "other"u8);
        Assert.Contains("wrong value", Assert.Single(Told("ack 0 10 30 0", "ack 1 5 50 0").Check(database)));
    }

    [Fact]
    public void A_stream_keeps_its_window_and_no_more()
    {
        using Database database = Database.Open(Data, TortureDatabase.Options());
        SortedMap byNumber = database.GetMap(TortureStream.ByNumberName);
        SortedMap byContent = database.GetMap(TortureStream.ByContentName);
        for (long number = 1; number <= TortureStream.Window + 300; number++) Add(database, stream: 0, number);
        using (Snapshot snapshot = database.CreateSnapshot())
            Assert.Null(TortureStream.FindFault(byNumber, byContent, 0, snapshot));
        byNumber.Put(TortureStream.Key(0, 300), TortureStream.Content(0, 300));
        using (Snapshot snapshot = database.CreateSnapshot())
            Assert.Contains("stands where 301 must", TortureStream.FindFault(byNumber, byContent, 0, snapshot));
    }

    private static void Add(Database database, int stream, long number)
    {
        using WriteBatch batch = database.CreateBatch();
        TortureStream.AddTo(
            batch, database.GetMap(TortureStream.ByNumberName), database.GetMap(TortureStream.ByContentName), stream, number);
        database.Write(batch, Durability.None);
    }

    private static TortureLedger Told(params string[] lines)
    {
        var ledger = new TortureLedger(streams: 2);
        foreach (string line in lines) Assert.True(ledger.TryTake(line));
        Assert.False(ledger.TryTake("open"));
        return ledger;
    }
}
