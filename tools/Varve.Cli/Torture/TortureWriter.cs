using System.CommandLine;
using System.Globalization;
using Varve.Cli.Output;

namespace Varve.Cli.Torture;

/// <summary>
/// The hidden command that a torture starts and maltreats: one thread a stream writes and tells what was acknowledged, one reads what all
/// of them write and tells when it is wrong. Ends cleanly when its input does.
/// </summary>
/// <remarks>
/// <code>
/// line := "open" | "ack" stream number sequence level | "refused" reason | "stopped" reason | "wrong" reason | "closed"
/// each line ends with " ."
/// </code>
/// </remarks>
internal sealed class TortureWriter(Database database, StreamWriter output, int streams, int seed)
{
    public const string CommandName = "torture-writer";

    /// <summary>Ends a whole line: a line that a kill has cut lacks it.</summary>
    public const string LineEnd = " .";

    private static readonly TimeSpan PauseAfterRefusal = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan PauseOfReader = TimeSpan.FromMilliseconds(20);

    private readonly Lock _outputGuard = new();
    private readonly CancellationTokenSource _stop = new();

    public static VarveCommand CreateCommand(Terminal terminal)
    {
        Option<string> data = Inputs.Data();
        var streams = new Option<int>("--streams") { DefaultValueFactory = _ => 2 };
        var seed = new Option<int>("--seed");
        var budget = new Option<long>("--budget") { Description = "Bytes.", DefaultValueFactory = _ => TortureDatabase.MemoryBudgetBytes };
        var openFiles = new Option<int>("--open-files") { DefaultValueFactory = _ => TortureDatabase.OpenFilesMax };
        var command = new VarveCommand(CommandName, "Write until told to end; started by the torture.")
        {
            data,
            streams,
            seed,
            budget,
            openFiles,
        };
        command.Hidden = true;
        command.Run((parsed, _) =>
        {
            DatabaseOptions options = TortureDatabase.Options(parsed.GetValue(budget), parsed.GetValue(openFiles));
            using Database database = Database.Open(parsed.GetRequiredValue(data), options);
            new TortureWriter(database, terminal.Writer, parsed.GetValue(streams), parsed.GetValue(seed)).Run(terminal.Input);
            return ExitCode.Ok;
        });
        return command;
    }

    private void Run(Stream input)
    {
        Tell("open");
        var threads = new List<Thread>();
        for (int stream = 0; stream < streams; stream++)
        {
            int own = stream;
            threads.Add(new Thread(() => Guard(() => Write(own))));
        }

        threads.Add(new Thread(() => Guard(ReadBack)));
        RunAll(threads, () => WaitForEnd(input));
        try
        {
            database.Close();
            Tell("closed");
        }
        catch (Exception failure) when (failure is IOException or DatabaseReadOnlyException)
        {
            Tell("stopped close: " + failure.Message);
        }
    }

    /// <summary>They have all ended when it returns, also where the system refuses a thread.</summary>
    private void RunAll(List<Thread> threads, Action untilDone)
    {
        var started = new List<Thread>();
        try
        {
            foreach (Thread thread in threads)
            {
                thread.Start();
                started.Add(thread);
            }

            untilDone();
        }
        finally
        {
            _stop.Cancel();
            foreach (Thread thread in started) thread.Join();
        }
    }

    private void Write(int stream)
    {
        SortedMap byNumber = database.GetMap(TortureStream.ByNumberName);
        SortedMap byContent = database.GetMap(TortureStream.ByContentName);
        var random = new Random(HashCode.Combine(seed, stream));
        using WriteBatch batch = database.CreateBatch();
        long number = TortureStream.GreatestOf(byNumber, stream) + 1;
        while (!_stop.IsCancellationRequested)
        {
            batch.Clear();
            TortureStream.AddTo(batch, byNumber, byContent, stream, number);
            Durability level = DrawLevel(random);
            try
            {
                ulong sequence = database.Write(batch, level);
                Tell(string.Create(CultureInfo.InvariantCulture, $"ack {stream} {number} {sequence} {(int)level}"));
                number++;
            }
            catch (StorageException refusal)
            {
                // Not committed: the same batch again, once there is room or the descriptor.
                Tell($"refused {refusal.Message}");
                _stop.Token.WaitHandle.WaitOne(PauseAfterRefusal);
            }
        }
    }

    /// <summary>
    /// Writers with an odd seed sync nothing themselves: they are as fast as can be, and die with the most that only memory has.
    /// </summary>
    private Durability DrawLevel(Random random) => random.Next(10) switch
    {
        < 5 => seed % 2 == 0 ? Durability.Synced : Durability.Buffered,
        < 8 => Durability.Buffered,
        _ => Durability.None,
    };

    private void ReadBack()
    {
        SortedMap byNumber = database.GetMap(TortureStream.ByNumberName);
        SortedMap byContent = database.GetMap(TortureStream.ByContentName);
        var random = new Random(seed);
        while (!_stop.IsCancellationRequested)
        {
            using (Snapshot snapshot = database.CreateSnapshot())
            {
                string? fault = TortureStream.FindFault(byNumber, byContent, random.Next(streams), snapshot);
                if (fault is not null) Tell("wrong " + fault);
            }

            _stop.Token.WaitHandle.WaitOne(PauseOfReader);
        }
    }

    /// <summary>Writing may stop, after a failed sync say: told, and the process waits for its end. What else is thrown is wrong.</summary>
    private void Guard(Action work)
    {
        try
        {
            work();
        }
        catch (Exception failure) when (failure is DatabaseReadOnlyException or CommitOutcomeUnknownException)
        {
            Tell("stopped " + failure.Message);
        }
        catch (StorageException failure)
        {
            // A read that the system refused: for want of a descriptor, say.
            Tell("refused " + failure.Message);
        }
#pragma warning disable CA1031 // Whatever else it is, the torture must hear of it: it is a finding.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            Tell($"wrong {failure.GetType().Name}: {failure.Message}");
        }
    }

    private void Tell(string line)
    {
        lock (_outputGuard)
        {
            output.WriteLine(line.ReplaceLineEndings(" ") + LineEnd);
            output.Flush();
        }
    }

    private static void WaitForEnd(Stream input)
    {
        while (input.ReadByte() >= 0)
        {
        }
    }
}
