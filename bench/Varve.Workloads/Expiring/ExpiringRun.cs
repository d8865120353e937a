using System.Diagnostics;
using System.Globalization;
using System.Text;
using Varve.Workloads.Bulk;
using Varve.Workloads.Measuring;

namespace Varve.Workloads.Expiring;

/// <summary>What is written.</summary>
/// <param name="LiveEntries">Entries that are alive at a time: so many are written in the life of one.</param>
/// <param name="Lives">How long, in lives.</param>
/// <param name="PutsPerSecond">Of real time.</param>
/// <param name="InOrder">Keys in the order of time; else at random.</param>
/// <param name="Seed">Order and values.</param>
internal sealed record ExpiringLoad(long LiveEntries, int Lives, int PutsPerSecond, bool InOrder, int Seed)
{
    public const int ValueBytes = 100;

    /// <summary>Key, value, expiry.</summary>
    public const int EntryBytes = KeySpace.KeyBytes + ValueBytes + sizeof(long);

    public static readonly TimeSpan Life = TimeSpan.FromHours(1);

    /// <summary>How long the engine keeps an entry that has expired.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromHours(1);

    public long Entries => LiveEntries * Lives;

    public TimeSpan Step => Life / LiveEntries;
}

/// <summary>
/// A steady load of entries that all expire after the same time. The clock moves with the puts, so that hours pass in seconds. Records
/// what the files hold against what is alive, and resident memory; checks both against bounds, and at the end that exactly the live
/// entries are there, and that an idle database gives everything back.
/// </summary>
internal sealed class ExpiringRun(string directory, ExpiringLoad load, long budgetBytes)
{
    private const int Reports = 24;

    private static readonly TimeSpan IdleMax = TimeSpan.FromSeconds(60);

    private readonly StringBuilder _report = new();
    private readonly SteppedClock _clock = new();
    private readonly KeySpace _keys = new(load.Entries, ExpiringLoad.ValueBytes, load.Seed);
    private bool _passed = true;

    public string ReportText => _report.ToString();

    /// <summary>
    /// A table at the bottom is rewritten once more than half of it can go: there lies at most twice what cannot go, which is what is alive
    /// or has expired within the grace. The levels above, a tenth each, add a ninth. What is in flight (log, tables on the way down, inputs
    /// and outputs of a compaction) is bounded by the budget, whose share of memtables is what the log and level 0 hold.
    /// </summary>
    private long DiskBytesMax(long heldEntries) => 2 * heldEntries * ExpiringLoad.EntryBytes * 10 / 9 + 2 * budgetBytes;

    private long ResidentBytesMax => new BulkJob(directory, "", 0, budgetBytes, 0).ResidentBytesMax;

    public bool Run()
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        string order = load.InOrder ? "in the order of time" : "at random";
        Say($"{load.LiveEntries:N0} live entries of {ExpiringLoad.EntryBytes} bytes, keys {order}, "
            + $"each lives {ExpiringLoad.Life.TotalHours} h; {load.Entries:N0} puts, {load.PutsPerSecond:N0}/s, "
            + $"budget {ByteSize.Mebibytes(budgetBytes)}");
        Say("hours  live MiB  held MiB  files MiB  bound MiB  files/live  resident MiB");
        var gauge = new MemoryGauge();
        var options = new DatabaseOptions { MemoryBudgetBytes = budgetBytes, Durability = Durability.Buffered, TimeProvider = _clock };
        using (Database database = Database.Open(directory, options))
        {
            SortedMap map = database.GetMap("expiring");
            Write(map, gauge);
            CheckContent(map);
            CheckIdle(database, gauge);
            database.Close();
        }

        long peak = gauge.PeakAboveBytes;
        Check(peak <= ResidentBytesMax, $"resident memory: peak {ByteSize.Mebibytes(peak)} above the process before Open, "
            + $"bound {ByteSize.Mebibytes(ResidentBytesMax)} (1.1 times the budget and 64 MB)");
        Say(_passed ? "all bounds hold" : "FAILED");
        return _passed;
    }

    private void Write(SortedMap map, MemoryGauge gauge)
    {
        byte[] key = new byte[KeySpace.KeyBytes];
        byte[] value = new byte[ExpiringLoad.ValueBytes];
        long started = Stopwatch.GetTimestamp();
        double worst = 0;
        for (long place = 0; place < load.Entries; place++)
        {
            long number = NumberAt(place);
            KeySpace.WriteKey(key, number);
            _keys.WriteValue(value, number);
            map.Put(key, value, ExpiringLoad.Life);
            _clock.Advance(load.Step);
            if (place % 256 == 0) Pace(place, started);
            if ((place + 1) % (load.Entries / Reports) == 0) worst = Math.Max(worst, Record(place + 1, gauge));
        }

        double perSecond = load.Entries / Stopwatch.GetElapsedTime(started).TotalSeconds;
        Say($"written at {perSecond:N0}/s; files at most {worst:P0} of their bound");
        Check(worst <= 1, "disk space within its bound");
    }

    private long NumberAt(long place) => load.InOrder ? place : _keys.Shuffled(place);

    private void Pace(long place, long started)
    {
        double ahead = (double)place / load.PutsPerSecond - Stopwatch.GetElapsedTime(started).TotalSeconds;
        if (ahead > 0.002) Thread.Sleep(TimeSpan.FromSeconds(ahead));
    }

    /// <returns>What the files take of their bound.</returns>
    private double Record(long written, MemoryGauge gauge)
    {
        long live = Math.Min(written, load.LiveEntries);
        long held = Math.Min(written, load.LiveEntries + (long)(load.LiveEntries * (ExpiringLoad.Grace / ExpiringLoad.Life)));
        long files = ProcessFigures.DirectoryBytes(directory);
        long bound = DiskBytesMax(held);
        Say($"{_clock.Passed.TotalHours,5:F2}  {Mebibytes(live * ExpiringLoad.EntryBytes),8:F1}  "
            + $"{Mebibytes(held * ExpiringLoad.EntryBytes),8:F1}  {Mebibytes(files),9:F1}  {Mebibytes(bound),9:F1}  "
            + $"{(double)files / (live * ExpiringLoad.EntryBytes),10:F2}  {Mebibytes(gauge.NowAboveBytes),12:F1}");
        return (double)files / bound;
    }

    /// <summary>The last entries written, and no others.</summary>
    private void CheckContent(SortedMap map)
    {
        // The entry at this place expires at this very moment.
        long oldest = load.Entries - load.LiveEntries + 1;
        byte[] expected = new byte[ExpiringLoad.ValueBytes];
        byte[] value = new byte[ExpiringLoad.ValueBytes];
        byte[] key = new byte[KeySpace.KeyBytes];
        long count = 0;
        foreach (Entry entry in map.All())
        {
            _keys.WriteValue(expected, KeySpace.NumberOf(entry.Key));
            if (entry.Value.SequenceEqual(expected)) count++;
        }

        long wrong = 0;
        for (long place = Math.Max(0, oldest - load.LiveEntries); place < load.Entries; place += 7)
        {
            KeySpace.WriteKey(key, NumberAt(place));
            if (map.TryGet(key, value, out _) != place >= oldest) wrong++;
        }

        Check(count == load.Entries - oldest, $"a scan finds {count:N0} right entries, {load.Entries - oldest:N0} live");
        Check(wrong == 0, $"gets of live and of expired entries: {wrong:N0} wrong");
    }

    /// <summary>Everything expires, the grace passes, nobody writes: the tables go by themselves.</summary>
    private void CheckIdle(Database database, MemoryGauge gauge)
    {
        database.Flush();
        _clock.Advance(ExpiringLoad.Life + ExpiringLoad.Grace + TimeSpan.FromMinutes(1));
        long started = Stopwatch.GetTimestamp();
        long tables = TableBytes();
        while (tables > 1 << 20 && Stopwatch.GetElapsedTime(started) < IdleMax)
        {
            Thread.Sleep(100);
            tables = TableBytes();
        }

        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        Check(tables <= 1 << 20, $"idle, all expired: {ByteSize.Mebibytes(tables)} of tables after {seconds:F1} s, "
            + $"files {ByteSize.Mebibytes(ProcessFigures.DirectoryBytes(directory))}, resident {ByteSize.Mebibytes(gauge.NowAboveBytes)}");
    }

    private long TableBytes() => new DirectoryInfo(directory).EnumerateFiles("*.table").Sum(file => file.Length);

    private void Check(bool holds, string what)
    {
        _passed &= holds;
        Say((holds ? "" : "WRONG: ") + what);
    }

    private void Say(string line)
    {
        Console.WriteLine(line);
        _report.AppendLine(line);
    }

    private static double Mebibytes(long bytes) => bytes / (double)(1 << 20);
}
