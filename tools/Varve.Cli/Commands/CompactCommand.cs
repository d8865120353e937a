using System.CommandLine;
using System.Diagnostics;
using Varve.Cli.Output;

namespace Varve.Cli.Commands;

/// <summary><c>varve compact</c></summary>
internal static class CompactCommand
{
    public static VarveCommand Create(Terminal terminal)
    {
        Option<string> data = Inputs.Data();
        Option<bool> json = Inputs.Json();
        var command = new VarveCommand(
            "compact",
            "Bring everything to the bottom level: the smallest on disk, the fastest to read. Never needed; upkeep is automatic.",
            "varve compact",
            "varve compact --data backup --json")
        {
            data,
            json,
        };
        command.Run((parsed, cancellation) =>
        {
            using Database database = Inputs.OpenForWriting(parsed.GetRequiredValue(data), createIfMissing: false);
            CompactSize before = SizeOf(database);
            long started = Stopwatch.GetTimestamp();
            terminal.RunWithProgress("compacting", (Action<ProgressView> _) => database.Compact(cancellation));
            TimeSpan time = Stopwatch.GetElapsedTime(started);
            var result = new CompactResult(before, SizeOf(database), time.TotalSeconds);
            database.Close();
            if (parsed.GetValue(json)) JsonOutput.Write(terminal, result);
            else terminal.Writer.WriteLine($"{Describe(result.Before)} became {Describe(result.After)} in {Figures.Duration(time)}");
            return ExitCode.Ok;
        });
        return command;
    }

    private static CompactSize SizeOf(Database database)
    {
        DatabaseStatistics figures = database.GetStatistics();
        return new CompactSize(
            figures.Levels.Sum(level => level.Tables.Count),
            figures.TableBytes,
            figures.MemtableEntries + figures.Levels.Sum(level => level.Entries));
    }

    private static string Describe(CompactSize size)
    {
        string tables = Figures.Count(size.Tables, "table", "tables");
        return $"{tables} of {Figures.Bytes(size.TableBytes)} ({Figures.Count(size.Entries, "entry", "entries")})";
    }
}

/// <summary>What <c>compact --json</c> prints.</summary>
internal sealed record CompactResult(CompactSize Before, CompactSize After, double Seconds);

/// <summary>The database before or after; entries include old versions and tombstones.</summary>
internal sealed record CompactSize(int Tables, long TableBytes, long Entries);
