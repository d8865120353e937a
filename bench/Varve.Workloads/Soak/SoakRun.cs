using System.Diagnostics;
using System.Globalization;
using System.Text;
using Varve.Workloads.Measuring;

namespace Varve.Workloads.Soak;

/// <summary>
/// Hours of everyday load at a steady rate, in windows: memory, descriptors, files and latencies of each, and whether any of them drifts.
/// </summary>
internal sealed class SoakRun(string directory, long budgetBytes, int keyCount, int operationsPerSecond, TimeSpan time, int seed)
{
    private const int WindowCount = 30;
    private const int OperationsBetweenPauses = 64;

    private readonly StringBuilder _report = new();

    public string ReportText => _report.ToString();

    /// <summary>False when something drifted.</summary>
    /// <exception cref="InvalidDataException">A read gave what is not there.</exception>
    public bool Run()
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        Say($"{keyCount:N0} keys, values of 1 to 400 bytes, {operationsPerSecond:N0} operations/s for {time.TotalMinutes:N0} minutes, "
            + $"budget {ByteSize.Mebibytes(budgetBytes)}, seed {seed}");
        Say("window  resident MiB  managed MiB  descriptors  files  files MiB  p50 µs  p99 µs  p99.9 µs  longest µs");
        var windows = new List<SoakWindow>();
        var options = new DatabaseOptions { MemoryBudgetBytes = budgetBytes, Durability = Durability.Buffered };
        using (Database database = Database.Open(directory, options))
        {
            var load = new SoakLoad(database, keyCount, seed);
            load.Fill();
            while (windows.Count < WindowCount)
            {
                windows.Add(RunWindow(load));
                Say(windows.Count, windows[^1]);
            }

            load.CheckAll();
            database.Close();
        }

        IReadOnlyList<string> drifts = SoakWindow.FindDrifts(windows);
        foreach (string drift in drifts) Say("DRIFTS: " + drift);
        if (drifts.Count == 0) Say("nothing drifts; every read was right");
        return drifts.Count == 0;
    }

    private SoakWindow RunWindow(SoakLoad load)
    {
        var meter = new Meter(operationsPerSample: 1);
        long operations = (long)(operationsPerSecond * time.TotalSeconds / WindowCount);
        long started = Stopwatch.GetTimestamp();
        for (long operation = 0; operation < operations; operation++)
        {
            meter.Start();
            load.Step();
            meter.Stop();
            if (operation % OperationsBetweenPauses != 0) continue;
            double ahead = (double)operation / operationsPerSecond - Stopwatch.GetElapsedTime(started).TotalSeconds;
            if (ahead > 0.002) Thread.Sleep(TimeSpan.FromSeconds(ahead));
        }

        return new SoakWindow(
            ProcessFigures.ResidentBytes(Environment.ProcessId),
            GC.GetGCMemoryInfo().TotalCommittedBytes,
            ProcessFigures.Descriptors(),
            Directory.GetFiles(directory).Length,
            ProcessFigures.DirectoryBytes(directory),
            meter.Summarize());
    }

    private void Say(int number, SoakWindow window) => Say(string.Create(
        CultureInfo.InvariantCulture,
        $"{number,6}  {window.ResidentBytes >> 20,12}  {window.ManagedBytes >> 20,11}  {window.Descriptors,11}  {window.Files,5}  "
        + $"{window.FileBytes >> 20,9}  {window.Latency.P50,6:N1}  {window.Latency.P99,6:N1}  {window.Latency.P999,8:N1}  "
        + $"{window.Latency.Max,10:N0}"));

    private void Say(string line)
    {
        _report.AppendLine(line);
        Console.WriteLine(line);
    }
}
