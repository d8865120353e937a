using System.CommandLine;
using Varve.Cli.Output;

namespace Varve.Cli.Commands;

/// <summary><c>varve watch</c></summary>
internal static class WatchCommand
{
    private enum Format
    {
        Text,
        Json,
    }

    public static VarveCommand Create(Terminal terminal)
    {
        Option<string> data = Inputs.Data();
        var after = new Option<ulong?>("--after")
        {
            Description = "Go on behind this position, the first field of the last line of an earlier run; 0: from the first write. "
                + "When not given, from the oldest change that is kept.",
            HelpName = "SEQUENCE",
        };
        Option<string?> map = Inputs.MapFilter("Only changes of this map.");
        var format = new Option<Format>("--format", "-f")
        {
            Description = "text: sequence, kind, map, key and value, separated by tabs, escaped where not printable; "
                + "json: an object a line.",
            HelpName = "text|json",
        };
        format.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, "text", "json");
        var command = new VarveCommand(
            "watch",
            "Print the changes that the database keeps, one a line, in the order of their commits, up to what is there now. "
                + "A database is open in one process: a program that wants to follow its own changes calls ReadChanges.",
            "varve watch",
            "varve watch --map orders --after 1042 --format json",
            "varve watch | tail -n 1 | cut -f 1")
        {
            data,
            after,
            map,
            format,
        };
        command.Run((parsed, cancellation) =>
        {
            using Database database = Inputs.OpenForReading(parsed.GetRequiredValue(data));
            ulong position = parsed.GetValue(after) ?? database.OldestChangeSequence;
            if (position > database.LatestSequence)
            {
                throw CommandFailureException.Usage(
                    $"No write has the sequence {position} yet (--after); the last one has {database.LatestSequence}.");
            }

            using var lines = new ChangeLines(terminal, parsed.GetValue(format) == Format.Json);
            WriteAsync(lines, database, position, parsed.GetValue(map), cancellation).GetAwaiter().GetResult();
            return ExitCode.Ok;
        });
        return command;
    }

    private static async Task WriteAsync(
        ChangeLines lines, Database database, ulong position, string? map, CancellationToken cancellation)
    {
        var untilEnd = new ChangeFeedOptions { StopsAtEnd = true };
        try
        {
            await foreach (ChangeBatch batch in database.ReadChanges(position, untilEnd, cancellation).ConfigureAwait(false))
            {
                foreach (Change change in batch.Changes)
                {
                    if (map is null || change.MapName == map) lines.Write(batch.Sequence, change);
                }

                if (batch.IsLastPiece) position = batch.Sequence;
            }
        }
        catch (ChangeHistoryLostException lost)
        {
            throw CommandFailureException.NotFound(
                $"Not all that was written behind {lost.AfterSequence} is kept any more. "
                + $"The oldest position left is {lost.OldestSequence}: "
                + $"--after {lost.OldestSequence} goes on there, without what lies between.");
        }
        catch (OperationCanceledException)
        {
            lines.WriteEnd(position);
            throw;
        }

        lines.WriteEnd(position);
    }
}
