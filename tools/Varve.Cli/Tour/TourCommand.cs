using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Spectre.Console;
using Varve.Cli.Commands;
using Varve.Cli.Output;

namespace Varve.Cli.Tour;

/// <summary><c>varve tour</c>: the whole engine on real input, every answer checked.</summary>
internal static class TourCommand
{
    /// <summary>Small, so that the tour fits beside whatever else runs.</summary>
    private const long MemoryBudgetBytes = 64L << 20;

    public static VarveCommand Create(Terminal terminal)
    {
        var folder = new Option<string>("--folder")
        {
            Description = "Index the files below this folder; when not given, the .NET installation that runs this program.",
            HelpName = "DIR",
        };
        var data = new Option<string>("--data", "-d")
        {
            Description = "Where to make the database: a new or empty directory, which is kept. When not given, a temporary one.",
            HelpName = "DIR",
        };
        var keep = new Option<bool>("--keep") { Description = "Keep the temporary database." };
        var command = new VarveCommand(
            "tour",
            "Index a folder's files, query them, change two maps at once, kill a writing process, recover: all of it checked, in seconds.",
            "varve tour",
            "varve tour --folder ~/Documents --keep")
        {
            folder,
            data,
            keep,
        };
        command.Run((parsed, cancellation) =>
        {
            string source = Path.GetFullPath(parsed.GetValue(folder) ?? DotnetFolder());
            if (!Directory.Exists(source)) throw CommandFailureException.Usage($"There is no folder '{source}'.");
            string? named = parsed.GetValue(data);
            if (named is not null && Directory.Exists(named) && Directory.EnumerateFileSystemEntries(named).Any())
            {
                throw CommandFailureException.Usage($"The directory '{named}' is not empty; the tour makes a database of its own.");
            }

            bool isKept = named is not null || parsed.GetValue(keep);
            string directory = named is null ? Directory.CreateTempSubdirectory("varve-tour-").FullName : Path.GetFullPath(named);
            try
            {
                return Run(terminal, source, directory, isKept, cancellation);
            }
            finally
            {
                if (!isKept) Directory.Delete(directory, recursive: true);
            }
        });
        return command;
    }

    private static int Run(Terminal terminal, string folder, string directory, bool isKept, CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        var report = new TourReport(terminal);
        var options = new DatabaseOptions { MemoryBudgetBytes = MemoryBudgetBytes };
        terminal.Console.MarkupLine("[bold]Varve[/]: a tour of the engine on the files below " + Markup.Escape(folder));
        report.Say($"database: {directory}{(isKept ? "" : " (removed at the end; --keep keeps it)")}");

        FileFact moved;
        FileList files;
        using (Database database = Database.Open(directory, options))
        {
            var index = new FileIndex(database);
            files = Fill(report, index, folder, cancellation);
            report.Begin("Read it back: prefixes, ranges, both directions");
            new TourQueries(report, index, files).Run();
            moved = Move(report, index, files);
            report.Begin("Kill a process in the middle of synced writes");
            database.Close();
        }

        var crash = new CrashTrial(report, directory, options);
        crash.Kill(cancellation);
        using (Database database = Recover(report, directory, options))
        {
            crash.CheckRecovered(database);
            CheckIndex(report, new FileIndex(database), files, moved);
            ShowFigures(report, database, cancellation);
            database.Close();
        }

        string held = $"{Figures.Count(report.ChecksHeld, "check", "checks")} held";
        terminal.Console.WriteLine();
        if (isKept) report.Say($"Look around: varve scan --data {directory} --map {FileIndex.ByPathName} --keys-only --limit 10");
        report.Say($"{held}, {Figures.Count(report.ChecksFailed)} failed, {Figures.Duration(Stopwatch.GetElapsedTime(started))} in all.");
        if (report.ChecksFailed == 0) return ExitCode.Ok;
        string failed = Figures.Count(report.ChecksFailed, "check", "checks");
        throw new CommandFailureException(ExitCode.CheckFailed, $"{failed} of the tour failed.");
    }

    private static FileList Fill(TourReport report, FileIndex index, string folder, CancellationToken cancellation)
    {
        report.Begin($"Index files into the maps {FileIndex.ByPathName} and {FileIndex.ByTimeName}");
        var listed = new List<FileFact>();
        TimeSpan listing = TourReport.Time(() => listed = FileFact.ListBelow(folder, cancellation));
        if (listed.Count == 0) throw CommandFailureException.NotFound($"There are no files below '{folder}'.");
        TimeSpan filling = default;
        report.Terminal.RunWithProgress(
            "indexing", show => filling = TourReport.Time(() => index.Fill(listed, show, cancellation)));
        var files = new FileList(listed);
        string counted = Figures.Count(files.ByPath.Count, "file", "files");
        report.Say($"{counted} of {Figures.Bytes(files.Bytes)} listed in {Figures.Duration(listing)}");
        string written = Figures.Count(2L * files.ByPath.Count, "entry", "entries");
        report.Say($"{written} written in {Figures.Duration(filling)}, each file in both maps by one atomic batch, synced once at the end");
        report.Check("everything written is durable", index.Database.DurableSequence == index.Database.LatestSequence);
        return files;
    }

    private static FileFact Move(TourReport report, FileIndex index, FileList files)
    {
        report.Begin("Move a file in both maps by one atomic batch");
        FileFact file = files.ByPath[0];
        FileFact moved = file;
        do moved = moved with { Path = "moved/" + moved.Path };
        while (index.ByPath.Contains(moved.PathKey));
        using Snapshot before = index.Database.CreateSnapshot();
        TimeSpan time = TourReport.Time(() => index.Move(file, moved));
        string paths = $"'{ByteText.Escape(file.Path)}' is now '{ByteText.Escape(moved.Path)}'";
        report.Say($"{paths}: four operations, synced in {Figures.Duration(time)}");
        report.Check("both maps show the new path and not the old one", index.Holds(moved) && index.Lacks(file));
        bool isAsBefore = index.Holds(file, before) && index.Lacks(moved, before);
        report.Check("a snapshot from before still shows the old path and not the new one", isAsBefore);
        return moved;
    }

    private static Database Recover(TourReport report, string directory, DatabaseOptions options)
    {
        Database? database = null;
        TimeSpan time = TourReport.Time(() => database = Database.Open(directory, options));
        report.Say($"opened again, log recovered, in {Figures.Duration(time)}");
        return database!;
    }

    private static void CheckIndex(TourReport report, FileIndex index, FileList files, FileFact moved)
    {
        bool isWhole = index.Holds(moved) && index.Lacks(files.ByPath[0]);
        foreach (FileFact file in files.ByPath.Skip(1)) isWhole &= index.Holds(file);
        string counted = Figures.Count(files.ByPath.Count, "file", "files");
        report.Check($"the index of {counted} is whole, with the moved one at its new path", isWhole);
    }

    private static void ShowFigures(TourReport report, Database database, CancellationToken cancellation)
    {
        report.Begin("Compact, verify, and look at the figures");
        TimeSpan compacting = TourReport.Time(() => database.Compact(cancellation));
        VerifyReport verified = VerifyCommand.Verify(report.Terminal, database, cancellation);
        report.Say($"compacted in {Figures.Duration(compacting)}");
        report.Check($"every byte of the tables is sound: {VerifyCommand.Describe(verified)}", verified.IsSound);
        DatabaseStatistics figures = database.GetStatistics();
        report.Show(StatisticsTable.Draw(figures).ShowHeaders());
        LevelPicture.Draw(report.Terminal.Console, figures);
    }

    /// <summary>The folder with <c>shared/</c> in it; where the runtime came with the program, the program's own.</summary>
    private static string DotnetFolder()
    {
        string runtime = RuntimeEnvironment.GetRuntimeDirectory();
        DirectoryInfo? root = new DirectoryInfo(Path.TrimEndingDirectorySeparator(runtime)).Parent?.Parent?.Parent;
        return root is not null && Directory.Exists(Path.Combine(root.FullName, "shared")) ? root.FullName : AppContext.BaseDirectory;
    }
}
