using System.CommandLine;
using Varve.Cli.Output;

namespace Varve.Cli.Tour;

/// <summary>The hidden command that the tour starts and kills: synced batches over two maps, each told once it is acknowledged.</summary>
internal static class CrashWriter
{
    public const string CommandName = "tour-writer";

    public static VarveCommand CreateCommand(Terminal terminal)
    {
        Option<string> data = Inputs.Data();
        var command = new VarveCommand(CommandName, "Write until killed; started by the tour.") { data };
        command.Hidden = true;
        command.Run((parsed, cancellation) =>
        {
            using Database database = Inputs.OpenForWriting(parsed.GetRequiredValue(data), createIfMissing: false);
            using var parentGone = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            new Thread(() => WaitForParent(terminal.Input, parentGone)) { IsBackground = true }.Start();
            Write(database, terminal.Writer, parentGone.Token);
            return ExitCode.Ok;
        });
        return command;
    }

    private static void Write(Database database, StreamWriter output, CancellationToken stop)
    {
        SortedMap byNumber = database.GetMap(CrashRecord.ByNumberName);
        SortedMap byContent = database.GetMap(CrashRecord.ByContentName);
        using WriteBatch batch = database.CreateBatch();
        for (long number = 1; !stop.IsCancellationRequested; number++)
        {
            byte[] key = CrashRecord.Key(number);
            byte[] content = CrashRecord.Content(number);
            batch.Clear();
            batch.Put(byNumber, key, content);
            batch.Put(byContent, content, key);
            ulong sequence = database.Write(batch, Durability.Synced);
            output.WriteLine(CrashRecord.FormatAcknowledgement(number, sequence));
            output.Flush();
        }
    }

    /// <summary>The input ends when the parent does: then nobody is left to kill this process.</summary>
    private static void WaitForParent(Stream input, CancellationTokenSource parentGone)
    {
        try
        {
            while (input.ReadByte() >= 0)
            {
            }

            parentGone.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The command has ended by itself.
        }
    }
}
