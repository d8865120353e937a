using System.CommandLine;
using System.Diagnostics;
using Varve.Cli.Output;
using Varve.Cli.Transfer;

namespace Varve.Cli.Commands;

/// <summary><c>varve export</c></summary>
internal static class ExportCommand
{
    private const string ToOutput = "-";

    public static VarveCommand Create(Terminal terminal)
    {
        Option<string> data = Inputs.Data();
        Option<string> map = Inputs.Map();
        var all = new Option<bool>("--all-maps", "-a") { Description = "Every map instead of one; each row names its own. NDJSON only." };
        var keys = new KeyBoundsOptions();
        Option<RowFormat?> format = Inputs.Format();
        var output = new Option<string>("--output", "-o")
        {
            Description = "Write this file, which has its name only once it is whole; when not given, the standard output.",
            HelpName = "FILE",
            DefaultValueFactory = _ => ToOutput,
        };
        var force = new Option<bool>("--force") { Description = "Replace the file where there is one." };
        Option<bool> json = Inputs.Json();
        var command = new VarveCommand(
            "export",
            "Write the entries of a map, one a line, so that import gives back every byte.",
            "varve export --map people -o people.tsv",
            "varve export --all-maps --format ndjson | gzip > backup.ndjson.gz",
            "varve export --prefix 2026- --format ndjson | jq -r .key")
        {
            data, map, all, keys.Prefix, keys.From, keys.To, keys.Hex, format, output, force, json,
        };
        command.Run((parsed, cancellation) =>
        {
            string path = parsed.GetRequiredValue(output);
            bool isAll = parsed.GetValue(all);
            RowFormat rows = parsed.GetValue(format) ?? (isAll && path == ToOutput ? RowFormat.NdJson : RowFormats.OfPath(path));
            if (isAll && rows != RowFormat.NdJson) throw CommandFailureException.Usage("--all-maps needs --format ndjson.");
            if (parsed.GetValue(json) && path == ToOutput) throw CommandFailureException.Usage("--json needs --output FILE.");
            KeyBounds range = keys.Read(parsed);
            using Database database = Inputs.OpenForReading(parsed.GetRequiredValue(data));
            List<SortedMap> maps = isAll
                ? [.. database.ListMaps().Where(name => name != ImportPosition.MapName).Select(database.GetMap)]
                : [Inputs.RequireMap(database, parsed.GetRequiredValue(map))];
            long started = Stopwatch.GetTimestamp();
            using ExportOutput target = path == ToOutput
                ? ExportOutput.ToStandardOutput(terminal.Output)
                : ExportOutput.ToFile(path, parsed.GetValue(force));
            ExportResult result = Export(terminal, target, rows, maps, range, isAll, cancellation);
            if (parsed.GetValue(json)) JsonOutput.Write(terminal, result);
            else if (path != ToOutput) terminal.Writer.WriteLine(Describe(result, Stopwatch.GetElapsedTime(started)));
            return ExitCode.Ok;
        });
        return command;
    }

    private static ExportResult Export(
        Terminal terminal,
        ExportOutput target,
        RowFormat format,
        List<SortedMap> maps,
        KeyBounds range,
        bool namesMaps,
        CancellationToken cancellation)
    {
        ExportResult? result = null;
        terminal.RunWithProgress("exporting", (Action<ProgressView> show) =>
        {
            using var exporter = new Exporter(target.Stream, format, show);
            foreach (SortedMap map in maps) exporter.Write(map, range, namesMaps, cancellation);
            exporter.Complete();
            target.Complete();
            result = new ExportResult(maps.Count, exporter.Entries, exporter.Bytes);
        });
        return result!;
    }

    private static string Describe(ExportResult result, TimeSpan time) =>
        $"{Figures.Count(result.Entries, "entry", "entries")}, {Figures.Bytes(result.Bytes)} exported in {Figures.Duration(time)}";
}

/// <summary>What <c>export --json</c> prints.</summary>
internal sealed record ExportResult(int Maps, long Entries, long Bytes);
