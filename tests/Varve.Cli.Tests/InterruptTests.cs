using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Varve.Cli.Tests;

/// <summary>Processes that are killed, or asked to end, in the middle.</summary>
public sealed partial class InterruptTests : CliHouse
{
    private const int Interrupt = 2;
    private const int Rows = 120_000;
    private static readonly TimeSpan EndMax = TimeSpan.FromMinutes(1);

    [Fact]
    public void An_import_that_was_killed_goes_on_where_its_last_batch_ended()
    {
        string file = PathOf("rows.tsv");
        WriteRows(file);
        using (Process import = Start("import", file, "-d", Data))
        {
            WaitForBatches();
            import.Kill();
            import.WaitForExit();
        }

        long there = CountFound();
        CliRun run = RunOnData("import", file).Expect(ExitCode.Ok);
        Assert.Equal(Rows, CountFound());
        Assert.StartsWith($"{Rows:N0} entries", run.Output);
        if (there < Rows) Assert.Contains($"gone on at line {there + 1:N0}", run.Output);
    }

    [Fact]
    public void An_interrupted_import_holds_every_line_it_has_read()
    {
        if (OperatingSystem.IsWindows()) return;
        using Process import = Start("import", "-", "--name", "pipe", "-d", Data);
        Task<string> output = import.StandardOutput.ReadToEndAsync();
        Task<string> error = import.StandardError.ReadToEndAsync();
        int fed = 0;
        while (CountTables("*.log") == 0) Feed();
        for (int i = 0; i < 5_000; i++) Feed();
        import.StandardInput.Write("half a li");
        import.StandardInput.Flush();
        Assert.Equal(0, Kill(import.Id, Interrupt));
        Assert.True(import.WaitForExit(EndMax), "The import does not end.");
        string line = error.GetAwaiter().GetResult();
        Assert.True(import.ExitCode == ExitCode.Canceled, $"exit code {import.ExitCode}: {line}");
        Assert.Equal("", output.GetAwaiter().GetResult());
        Assert.StartsWith("varve: canceled. The ", line);
        Assert.Equal(1, line.Count(character => character == '\n'));

        long there = CountFound();
        Assert.InRange(there, 1, fed);
        Assert.Contains($" {there:N0} line", line);

        // The position is there as well.
        var all = new StringBuilder();
        for (int row = 0; row < fed + 1; row++) all.Append(RowOf(row)).Append('\n');
        string[] again = ["import", "-", "--name", "pipe", "-d", Data];
        Assert.Contains($"gone on at line {there + 1:N0}", Run(again, Encoding.UTF8.GetBytes(all.ToString())).Expect(ExitCode.Ok).Output);
        Assert.Equal(fed + 1, CountFound());

        void Feed()
        {
            import.StandardInput.Write(RowOf(fed++) + "\n");
            import.StandardInput.Flush();
        }
    }

    [Theory]
    [InlineData("put", "k", "-")]
    [InlineData("import", "-")]
    public void A_command_that_waits_for_its_input_ends_with_130(params string[] arguments)
    {
        if (OperatingSystem.IsWindows()) return;
        Put("m", "a");
        using Process waiting = Start([.. arguments, "-d", Data]);
        Task<string> error = waiting.StandardError.ReadToEndAsync();

        // More than a pipe holds: once it is written, the command has begun to read it.
        waiting.StandardInput.Write(new string('x', 300_000));
        waiting.StandardInput.Flush();
        Assert.Equal(0, Kill(waiting.Id, Interrupt));
        Assert.True(waiting.WaitForExit(EndMax), "The command does not end.");
        Assert.Equal(ExitCode.Canceled, waiting.ExitCode);
        Assert.StartsWith("varve: canceled", error.GetAwaiter().GetResult());
        Assert.Equal(["m"], RunOnData("maps").Expect(ExitCode.Ok).Lines);
    }

    [Fact]
    public void An_interrupted_export_leaves_no_file()
    {
        if (OperatingSystem.IsWindows()) return;
        string rows = PathOf("rows.tsv");
        WriteRows(rows);
        Run("import", rows, "-d", Data).Expect(ExitCode.Ok);
        string file = PathOf("out.tsv");
        using Process export = Start("export", "-d", Data, "-o", file);
        Task<string> error = export.StandardError.ReadToEndAsync();
        WaitUntil(() => File.Exists(file + ".partial") || export.HasExited);
        if (!export.HasExited) Kill(export.Id, Interrupt);
        Assert.True(export.WaitForExit(EndMax), "The export does not end.");
        Assert.False(File.Exists(file + ".partial"));
        if (export.ExitCode == ExitCode.Ok)
        {
            Assert.Equal(Rows, File.ReadLines(file).Count());
            return;
        }

        Assert.Equal(ExitCode.Canceled, export.ExitCode);
        Assert.Equal("varve: canceled.\n", error.GetAwaiter().GetResult());
        Assert.False(File.Exists(file));
    }

    [Fact]
    public void An_interrupted_watch_ends_with_the_position_behind_what_it_has_printed()
    {
        if (OperatingSystem.IsWindows()) return;
        string rows = PathOf("rows.tsv");
        WriteRows(rows);
        Run("import", rows, "-d", Data).Expect(ExitCode.Ok);
        CliRun whole = RunOnData("watch").Expect(ExitCode.Ok);

        // It waits for the reader of its output, which has not come yet.
        using Process watch = Start("watch", "-d", Data);
        Assert.Equal(whole.OutputBytes[0], watch.StandardOutput.BaseStream.ReadByte());
        Assert.Equal(0, Kill(watch.Id, Interrupt));
        CliRun run = WaitFor(watch);
        Assert.Equal(ExitCode.Canceled, run.ExitCode);
        Assert.StartsWith("varve: canceled", run.Error);
        string[] last = run.Lines[^1].Split('\t');
        Assert.Equal("end", last[1]);
        Assert.True(run.Lines.Length < whole.Lines.Length, "The watch was not interrupted.");

        // What comes behind the position is what was not printed as a whole.
        string[] rest = RunOnData("watch", "--after", last[0]).Expect(ExitCode.Ok).Lines;
        Assert.Equal(whole.Lines[^1], rest[^1]);
        Assert.Equal(whole.Lines[^rest.Length], rest[0]);
        Assert.InRange(rest.Length, whole.Lines.Length - run.Lines.Length + 1, whole.Lines.Length);
    }

    private static string RowOf(int row) => $"key-{row:D8}\tvalue {row} {new string('x', 40)}";

    private static void WriteRows(string file)
    {
        using var writer = new StreamWriter(file) { NewLine = "\n" };
        for (int row = 0; row < Rows; row++) writer.WriteLine(RowOf(row));
    }

    private static void WaitUntil(Func<bool> condition)
    {
        long started = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < EndMax, "What is waited for does not happen.");
            Thread.Yield();
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);

    private void WaitForBatches() => WaitUntil(() =>
        Directory.Exists(Data) && Directory.GetFiles(Data, "*.log").Any(path => BytesUsed(path) > 3 << 20));

    private int CountTables(string pattern) => Directory.Exists(Data) ? Directory.GetFiles(Data, pattern).Length : 0;

    /// <summary>A slot is allocated whole: what was written into it is what is not zero.</summary>
    private static long BytesUsed(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            if (file.Length <= 4 << 20) return 0;
            file.Position = 4 << 20;
            byte[] bytes = new byte[4096];
            return file.Read(bytes) > 0 && bytes.AsSpan().ContainsAnyExcept((byte)0) ? 4 << 20 : 0;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private long CountFound()
    {
        string[] lines = RunOnData("maps", "--count").Expect(ExitCode.Ok).Lines;
        string? line = lines.SingleOrDefault(line => line.StartsWith("default\t", StringComparison.Ordinal));
        return line is null ? 0 : long.Parse(line.Split('\t')[1], System.Globalization.CultureInfo.InvariantCulture);
    }
}
