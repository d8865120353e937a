using System.CommandLine;
using System.Diagnostics;
using Varve.Cli.Output;
using Varve.Cli.Transfer;

namespace Varve.Cli.Commands;

/// <summary><c>varve import FILE</c></summary>
internal static class ImportCommand
{
    private const string FromInput = "-";
    private const int ValueBytesMax = 64 << 20;

    public static VarveCommand Create(Terminal terminal)
    {
        var file = new Argument<string>("file") { Description = "What export has written, or the like; - reads the standard input." };
        Option<string> data = Inputs.Data();
        Option<string> map = Inputs.Map();
        Option<RowFormat?> format = Inputs.Format();
        var name = new Option<string>("--name")
        {
            Description = "Keep the position under this name; when not given, the file's path. The standard input has none.",
            HelpName = "NAME",
        };
        var restart = new Option<bool>("--restart") { Description = "Begin anew, where an earlier import of the file has stopped." };
        var check = new Option<bool>("--check") { Description = "Only check every line; needs no database and changes none." };
        Option<bool> json = Inputs.Json();
        var command = new VarveCommand(
            "import",
            "Put the rows of a file into a map. Stopped in the middle, it goes on there when it is called again.",
            "varve import people.tsv --map people",
            "varve import --check people.tsv && varve import people.tsv",
            "zcat backup.ndjson.gz | varve import - --format ndjson --name backup",
            "varve export --data old | varve import - --data new")
        {
            file, data, map, format, name, restart, check, json,
        };
        command.Run((parsed, cancellation) =>
        {
            string path = parsed.GetRequiredValue(file);
            using Stream input = Open(terminal, path);
            bool isInput = path == FromInput;
            var request = new ImportRequest(
                Source: path,
                InputBytes: isInput || !input.CanSeek ? null : input.Length,
                Name: parsed.GetValue(name) ?? (isInput ? null : Path.GetFullPath(path)),
                Map: parsed.GetRequiredValue(map),
                Format: parsed.GetValue(format) ?? RowFormats.OfPath(path),
                Restarts: parsed.GetValue(restart),
                ValueBytesMax: (int)Math.Min(ValueBytesMax, new DatabaseOptions().MemoryBudgetBytes / 8));
            long started = Stopwatch.GetTimestamp();
            ImportResult result = parsed.GetValue(check)
                ? Check(terminal, request, input, cancellation)
                : Import(terminal, request, input, parsed.GetRequiredValue(data), cancellation);
            if (parsed.GetValue(json)) JsonOutput.Write(terminal, result);
            else terminal.Writer.WriteLine(Describe(request, result, parsed.GetValue(check), Stopwatch.GetElapsedTime(started)));
            return ExitCode.Ok;
        });
        return command;
    }

    private static Stream Open(Terminal terminal, string path)
    {
        if (path == FromInput) return terminal.Input;
        if (Directory.Exists(path)) throw CommandFailureException.Usage($"'{path}' is a directory.");
        if (!File.Exists(path)) throw CommandFailureException.Usage($"There is no file '{path}'.");
        return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
    }

    private static ImportResult Check(Terminal terminal, ImportRequest request, Stream input, CancellationToken cancellation) =>
        Run(terminal, request, input, sink: null, resumed: null, cancellation);

    private static ImportResult Import(
        Terminal terminal, ImportRequest request, Stream input, string directory, CancellationToken cancellation)
    {
        using Database database = Inputs.OpenForWriting(directory, createIfMissing: true);
        byte[]? positionKey = request.Name is { } name ? ImportPosition.KeyOf(request.Map, name) : null;
        byte[]? record = positionKey is null ? null : database.GetMap(ImportPosition.MapName).Get(positionKey);
        ImportPosition? resumed = record is null || request.Restarts ? null : ImportPosition.Decode(record);
        if (record is not null && resumed is null && !request.Restarts)
        {
            throw CommandFailureException.Usage(
                $"The position kept in the map '{ImportPosition.MapName}' cannot be read. Begin anew with --restart.");
        }

        using var sink = new RowSink(database, request.Map, positionKey, isPositionKept: record is not null);
        ImportResult result = Run(terminal, request, input, sink, resumed, cancellation);
        database.Close();
        return result;
    }

    private static ImportResult Run(
        Terminal terminal, ImportRequest request, Stream input, RowSink? sink, ImportPosition? resumed, CancellationToken cancellation)
    {
        ImportResult? result = null;
        terminal.RunWithProgress("importing", (Action<ProgressView> show) =>
        {
            using var importer = new Importer(request, input, sink, show);
            result = importer.RunAsync(resumed, cancellation).GetAwaiter().GetResult();
        });
        return result!;
    }

    private static string Describe(ImportRequest request, ImportResult result, bool isCheck, TimeSpan time)
    {
        string entries = Figures.Count(result.Entries, "entry", "entries");
        if (isCheck) return $"{entries} in {Figures.Count(result.Lines, "line", "lines")}, every one as it should be";
        string resumed = result.ResumedAtLine > 1 ? $", gone on at line {Figures.Count(result.ResumedAtLine)}" : "";
        return $"{entries}, {Figures.Bytes(result.Bytes)} imported in {Figures.Duration(time)}{resumed}";
    }
}
