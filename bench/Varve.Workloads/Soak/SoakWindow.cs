using Varve.Workloads.Measuring;

namespace Varve.Workloads.Soak;

/// <summary>What one stretch of the run came to; all but the latencies at its end.</summary>
/// <param name="ResidentBytes">Of the process.</param>
/// <param name="ManagedBytes">Of it, what the runtime has committed.</param>
/// <param name="Descriptors">Open ones.</param>
/// <param name="Files">In the database's directory.</param>
/// <param name="FileBytes">What they take on the device.</param>
/// <param name="Latency">Of the window's operations.</param>
internal sealed record SoakWindow(
    long ResidentBytes, long ManagedBytes, int Descriptors, int Files, long FileBytes, Latencies Latency)
{
    /// <summary>
    /// What drifts: figures of the last third of the run that are above those of the middle third, as medians, by more than what a steady
    /// state moves by. The first third warms up.
    /// </summary>
    public static IReadOnlyList<string> FindDrifts(IReadOnlyList<SoakWindow> windows)
    {
        int third = windows.Count / 3;
        SoakWindow[] middle = [.. windows.Skip(third).Take(third)];
        SoakWindow[] last = [.. windows.Skip(windows.Count - third)];
        var drifts = new List<string>();
        Compare("resident MiB", window => window.ResidentBytes / 1048576.0, share: 1.1, slack: 8);
        Compare("managed MiB", window => window.ManagedBytes / 1048576.0, share: 1.1, slack: 4);
        Compare("descriptors", window => window.Descriptors, share: 1.1, slack: 8);
        Compare("files", window => window.Files, share: 1.25, slack: 8);
        Compare("files' MiB", window => window.FileBytes / 1048576.0, share: 1.25, slack: 16);
        Compare("p50 µs", window => window.Latency.P50, share: 1.5, slack: 2);
        Compare("p99 µs", window => window.Latency.P99, share: 2, slack: 50);
        return drifts;

        void Compare(string name, Func<SoakWindow, double> figure, double share, double slack)
        {
            double before = MedianOf(middle, figure);
            double after = MedianOf(last, figure);
            if (after > before * share + slack) drifts.Add($"{name}: {before:N1} in the middle of the run, {after:N1} at its end");
        }
    }

    private static double MedianOf(SoakWindow[] windows, Func<SoakWindow, double> figure) =>
        windows.Select(figure).Order().ElementAt(windows.Length / 2);
}
