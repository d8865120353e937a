using System.Globalization;
using Spectre.Console;
using Varve.Cli.Output;

namespace Varve.Cli.Tour;

/// <summary>
/// The tour's reads: all both ways, a prefix, a range, the newest, each file by itself; compared with the folder's listing.
/// </summary>
internal sealed class TourQueries(TourReport report, FileIndex index, FileList files)
{
    private const int NewestShown = 5;

    private readonly Table _times = new Table().AddColumn("query").AddColumn("entries").AddColumn("time").AddColumn("an entry takes");

    public void Run()
    {
        ScanBothWays();
        string folder = files.LargestFolder();
        List<FileFact> inFolder = [.. files.ByPath.Where(file => file.Path.StartsWith(folder, StringComparison.Ordinal))];
        Ask($"paths that begin with '{folder}'", inFolder, () => ReadPaths(index.ByPath.Prefix(new FileFact(folder, 0, default).PathKey)));
        AskRangeOfTimes();
        List<FileFact> newest = AskNewest();
        GetEach();
        _times.Columns[1].RightAligned();
        _times.Columns[2].RightAligned();
        _times.Columns[3].RightAligned();
        report.Show(_times);
        ShowNewest(newest);
    }

    private void ScanBothWays()
    {
        Ask("all by path, forward", files.ByPath, () => ReadPaths(index.ByPath.All()));
        Ask("all by path, backward", [.. files.ByPath.Reverse()], () => ReadPaths(index.ByPath.All(Direction.Descending)));
        Ask("all by time, forward", files.ByTime, () => ReadTimes(index.ByTime.All()));
        Ask("all by time, backward", [.. files.ByTime.Reverse()], () => ReadTimes(index.ByTime.All(Direction.Descending)));
    }

    /// <summary>The files between the first and the last quarter of all times.</summary>
    private void AskRangeOfTimes()
    {
        DateTime first = files.ByTime[files.ByTime.Count / 4].Modified;
        DateTime end = files.ByTime[files.ByTime.Count * 3 / 4].Modified.AddTicks(1);
        List<FileFact> expected = [.. files.ByTime.Where(file => file.Modified >= first && file.Modified < end)];
        Ask(
            $"changed {Day(first)} to {Day(end)}", expected,
            () => ReadTimes(index.ByTime.Range(FileFact.TimeBound(first), FileFact.TimeBound(end))));
    }

    private List<FileFact> AskNewest()
    {
        List<FileFact> expected = [.. files.ByTime.Reverse().Take(NewestShown)];
        return Ask("the newest, backward", expected, () => ReadTimes(index.ByTime.All(Direction.Descending, NewestShown)));
    }

    private void GetEach()
    {
        int found = 0;
        TimeSpan time = TourReport.Time(() =>
        {
            foreach (FileFact file in files.ByPath)
            {
                if (index.ByPath.Get(file.PathKey) is { } value && value.AsSpan().SequenceEqual(file.PathValue)) found++;
            }
        });
        AddTime("every path by itself (get)", found, time);
        string share = $"{Figures.Count(found)} of {Figures.Count(files.ByPath.Count)}";
        report.Check($"every path is found by itself, with the right value ({share})", found == files.ByPath.Count);
    }

    private List<FileFact> Ask(string query, IReadOnlyList<FileFact> expected, Func<List<FileFact>> read)
    {
        List<FileFact> answer = [];
        TimeSpan time = TourReport.Time(() => answer = read());
        AddTime(query, answer.Count, time);
        string counted = Figures.Count(answer.Count, "entry", "entries");
        report.Check($"{query}: {counted}, as the folder says, in order", answer.SequenceEqual(expected));
        return answer;
    }

    private void AddTime(string query, int entries, TimeSpan time) => _times.AddRow(
        Markup.Escape(query), Figures.Count(entries), Figures.Duration(time), entries == 0 ? "" : PerEntry(time / entries));

    private void ShowNewest(List<FileFact> newest)
    {
        Table table = new Table().AddColumn("changed (UTC)").AddColumn("bytes").AddColumn("the newest files");
        table.Columns[1].RightAligned();
        foreach (FileFact file in newest)
        {
            string changed = file.Modified.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
            table.AddRow(changed, Figures.Count(file.Bytes), Markup.Escape(ByteText.Escape(file.Path)));
        }

        report.Show(table);
    }

    private static string PerEntry(TimeSpan time) => time.TotalNanoseconds.ToString("N0", CultureInfo.InvariantCulture) + " ns";

    private static string Day(DateTime time) => time.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static List<FileFact> ReadPaths(EntryRange range)
    {
        var read = new List<FileFact>();
        foreach (Entry entry in range) read.Add(FileFact.FromPathEntry(entry.Key, entry.Value));
        return read;
    }

    private static List<FileFact> ReadTimes(EntryRange range)
    {
        var read = new List<FileFact>();
        foreach (Entry entry in range) read.Add(FileFact.FromTimeEntry(entry.Key, entry.Value));
        return read;
    }
}
