using System.Globalization;

namespace Varve.Workloads.Reporting;

/// <summary>Pictures of the results: throughput and latency of each size, and growth over the sizes.</summary>
internal static class Plots
{
    private const int Left = 130;
    private const int Width = 900;
    private const int BarHeight = 11;
    private const int GroupGap = 10;
    private const int Top = 50;
    private const int LabelWidth = 80;
    private const int PanelWidth = 290;
    private const int PanelHeight = 180;
    private const string Grid = "#dddddd";

    private static readonly (string Peer, string Color)[] s_colors =
    [
        ("varve", "#c8553d"), ("rocksdb", "#2d6a9f"), ("leveldb", "#7fb069"), ("lmdb", "#8e6c8a"), ("sqlite", "#e0a458"),
        ("device", "#888888"),
    ];

    /// <summary>Bars: operations a second, each workload in a scale of its own.</summary>
    public static string Throughput(Figures figures)
    {
        string[] workloads = [.. figures.Workloads.Where(workload => !WorkloadKind.Named(workload).IsRecovery)];
        int group = figures.Peers.Length * BarHeight + GroupGap;
        var picture = new SvgPicture(Width, Top + workloads.Length * group);
        WriteHead(picture, figures, "operations/s, longest bar of each workload = its fastest peer");
        for (int row = 0; row < workloads.Length; row++)
        {
            string workload = workloads[row];
            double y = Top + row * group;
            double?[] rates = [.. figures.Peers.Select(peer => figures.MedianOf(peer, workload, result => result.Rate))];
            double fastest = rates.Max() ?? 1;
            picture.Text(Left - 8, y + BarHeight, workload, "end");
            for (int i = 0; i < rates.Length; i++)
            {
                if (rates[i] is not { } rate) continue;
                double length = rate / fastest * (Width - Left - LabelWidth);
                picture.Box(Left, y + i * BarHeight, length, BarHeight - 1, ColorOf(figures.Peers[i]));
                picture.Text(Left + length + 4, y + (i + 1) * BarHeight - 2, Short(rate));
            }
        }

        return picture.ToString();
    }

    /// <summary>Lines from p50 to the longest with dots at p50, p99 and p99.9, logarithmic.</summary>
    public static string Latency(Figures figures)
    {
        const double First = 0.01;
        const double Last = 1e7;
        string[] workloads = [.. figures.Workloads.Where(workload => !WorkloadKind.Named(workload).IsRecovery)];
        int group = figures.Peers.Length * BarHeight + GroupGap;
        int height = Top + workloads.Length * group + 20;
        var picture = new SvgPicture(Width, height);
        WriteHead(picture, figures, "latency: from p50 to the longest, dots at p50, p99, p99.9");
        for (double mark = First; mark <= Last; mark *= 10)
        {
            picture.Line(At(mark), Top - 6, At(mark), height - 20, Grid);
            picture.Text(At(mark), height - 6, Duration(mark), "middle");
        }

        for (int row = 0; row < workloads.Length; row++)
        {
            picture.Text(Left - 8, Top + row * group + BarHeight, workloads[row], "end");
            for (int i = 0; i < figures.Peers.Length; i++)
            {
                string peer = figures.Peers[i];
                double y = Top + row * group + (i + 0.5) * BarHeight;
                if (figures.MedianLatencies(peer, workloads[row], result => result.Latency) is not { } latencies) continue;
                picture.Line(At(latencies.P50), y, At(latencies.Max), y, ColorOf(peer), 1.5);
                picture.Dot(At(latencies.P50), y, 3.5, ColorOf(peer));
                picture.Dot(At(latencies.P99), y, 2.5, ColorOf(peer));
                picture.Dot(At(latencies.P999), y, 2, ColorOf(peer));
            }
        }

        return picture.ToString();

        double At(double microseconds) =>
            Left + Math.Log(Math.Clamp(microseconds, First, Last) / First) / Math.Log(Last / First) * (Width - Left - 30);
    }

    /// <summary>A panel for each workload: operations a second over the number of entries, whose scale is logarithmic.</summary>
    /// <param name="sizes">At least two.</param>
    public static string Growth(IReadOnlyList<Figures> sizes)
    {
        Figures[] ordered = [.. sizes.OrderBy(size => size.First.Entries)];
        string[] workloads =
        [
            .. ordered[0].Workloads.Where(
                workload => !WorkloadKind.Named(workload).IsRecovery && ordered[^1].Workloads.Contains(workload)),
        ];
        int columns = Math.Max(1, Width / PanelWidth);
        var picture = new SvgPicture(Width, Top + (workloads.Length + columns - 1) / columns * PanelHeight);
        WriteHead(picture, ordered[0], "operations/s by number of entries");
        for (int i = 0; i < workloads.Length; i++)
            WritePanel(picture, ordered, workloads[i], i % columns * PanelWidth, Top + i / columns * PanelHeight);
        return picture.ToString();
    }

    private static void WritePanel(SvgPicture picture, Figures[] sizes, string workload, double left, double top)
    {
        double first = Math.Log(sizes[0].First.Entries);
        double last = Math.Log(sizes[^1].First.Entries);
        double highest =
            sizes.SelectMany(size => size.Peers.Select(peer => size.MedianOf(peer, workload, result => result.Rate))).Max() ?? 1;
        double bottom = top + PanelHeight - 40;
        picture.Text(left + 50, top + 12, workload, isBold: true);
        picture.Line(left + 50, bottom, left + PanelWidth - 20, bottom, Grid);
        picture.Text(left + 46, top + 26, Short(highest), "end");
        picture.Text(left + 46, bottom, "0", "end");
        foreach (Figures size in sizes) picture.Text(X(size), bottom + 14, Short(size.First.Entries), "middle");
        foreach (string peer in sizes[0].Peers)
        {
            (double X, double Y)? before = null;
            foreach (Figures size in sizes)
            {
                if (size.MedianOf(peer, workload, result => result.Rate) is not { } rate) continue;
                (double X, double Y) here = (X(size), bottom - rate / highest * (bottom - top - 22));
                if (before is { } from) picture.Line(from.X, from.Y, here.X, here.Y, ColorOf(peer), 1.5);
                picture.Dot(here.X, here.Y, 3, ColorOf(peer));
                before = here;
            }
        }

        double X(Figures size) => left + 60 + (Math.Log(size.First.Entries) - first) / Math.Max(1e-9, last - first) * (PanelWidth - 100);
    }

    private static void WriteHead(SvgPicture picture, Figures figures, string title)
    {
        picture.Text(10, 18, title, isBold: true);
        for (int i = 0; i < figures.Peers.Length; i++)
        {
            picture.Box(Left + i * 100, 27, 10, 10, ColorOf(figures.Peers[i]));
            picture.Text(Left + i * 100 + 14, 36, figures.Peers[i]);
        }
    }

    private static string ColorOf(string peer) => s_colors.First(color => color.Peer == peer).Color;

    private static string Short(double number) => number switch
    {
        >= 1e6 => (number / 1e6).ToString("G3", CultureInfo.InvariantCulture) + " M",
        >= 1e3 => ReportTables.Number(number / 1e3, "G") + " k",
        _ => number.ToString("F0", CultureInfo.InvariantCulture),
    };

    private static string Duration(double microseconds) => microseconds switch
    {
        >= 0.99e6 => $"{microseconds / 1e6:F0} s",
        >= 0.99e3 => $"{microseconds / 1e3:F0} ms",
        >= 0.99 => $"{microseconds:F0} µs",
        _ => $"{microseconds * 1e3:F0} ns",
    };
}
