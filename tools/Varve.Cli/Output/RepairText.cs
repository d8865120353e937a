using System.Globalization;

namespace Varve.Cli.Output;

/// <summary>A repair, planned or done, for people.</summary>
internal static class RepairText
{
    public static void Write(Terminal terminal, RepairReport report)
    {
        if (report.WasSound)
        {
            terminal.Writer.WriteLine("sound: nothing was changed");
            return;
        }

        WriteList(terminal, "damaged:", report.Found.Select(problem => Commands.VerifyCommand.Describe(report.Directory, problem)));
        WriteList(terminal, report.IsDryRun ? "would be lost:" : "lost:", report.Losses.Select(Describe));
        if (report.Losses.Count == 0) terminal.Writer.WriteLine("nothing is lost");
        WriteList(terminal, "not known:", report.Risks);
        WriteList(terminal, "maps without a name are now called:", report.RenamedMaps.Select(ByteText.Escape));
        string log = Figures.Count(report.LogRecords, "batch of the log", "batches of the log");
        string did = report.IsDryRun ? "would keep" : "kept";
        terminal.Writer.WriteLine(
            $"{did} {Figures.Count(report.TablesKept, "table", "tables")}, copied what can be read of {report.TablesSalvaged}, "
            + $"merged {report.TablesMerged}; took {log}");
        if (report.SetAsideIn is { } folder)
        {
            string names = string.Join(' ', report.SetAside);
            terminal.Writer.WriteLine($"replaced files are in {Path.Combine(report.Directory, folder)}: {names}");
        }

        if (!report.IsDryRun && report.Remaining.Count == 0) terminal.Writer.WriteLine("the database is sound now");
    }

    private static string Describe(RepairLoss loss)
    {
        string place = string.Create(CultureInfo.InvariantCulture, $"({loss.FileName}, offset {loss.Offset}: {loss.Detail})");
        if (loss.FirstSequence is { } first) return $"writes {first} to {loss.LastSequence} {place}";
        if (loss.MapId is not { } map) return place;
        string name = loss.MapName is { } known ? $"map '{ByteText.Escape(known)}'" : $"map {map}";
        if (map == 0) name = "names of maps";
        string from = loss.FirstKey is { } firstKey ? $"'{ByteText.Escape(firstKey)}'" : "its beginning";
        string to = loss.LastKey is { } lastKey ? $"'{ByteText.Escape(lastKey)}'" : "its end";
        return from == to ? $"{name}, key {from} {place}" : $"{name}, entries between {from} and {to} {place}";
    }

    private static void WriteList(Terminal terminal, string title, IEnumerable<string> lines)
    {
        bool isFirst = true;
        foreach (string line in lines)
        {
            if (isFirst) terminal.Writer.WriteLine(title);
            isFirst = false;
            terminal.Writer.WriteLine("  " + line);
        }
    }
}
