using System.Globalization;
using System.Text;
using Varve.Compaction;
using Varve.Levels;
using Varve.Tables;
using Varve.Tests.Levels;

namespace Varve.Tests.Compaction;

/// <summary>
/// Plays a text to the planner. The input has a line for each level with tables, and lines of options:
/// <code>
/// 0: 7[a-m]@10-19 5[c-z]@1-9 *64     number [smallest key-largest key] and what differs from the defaults:
///                                    @ sequences (number-number), * MiB (32), % percent of tombstones (0), raw (else compressed)
/// options: memtable 64, snapshot 100, excluded 7, idle
/// </code>
/// Each command answers one line a job; a job counts as running from then on.
/// </summary>
internal sealed class PlannerScenario
{
    private readonly CompactionPlanner _planner;
    private readonly List<CompactionPick> _running = [];
    private readonly List<long> _excluded = [];
    private LevelMap _map;
    private ulong _oldestSnapshot = ulong.MaxValue;
    private bool _isIdle;

    public PlannerScenario(string text)
    {
        long memtableBytes = 64L << 20;
        var edit = new LevelEdit();
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            (string head, string rest) = (line[..colon], line[(colon + 1)..]);
            if (head == "options")
                ReadOptions(rest, ref memtableBytes);
            else
                AddTables(edit, int.Parse(head, CultureInfo.InvariantCulture), rest);
        }

        _planner = new CompactionPlanner(new CompactionOptions { MemtableBytes = memtableBytes });
        _map = LevelMap.CreateEmpty().Apply(edit, TestTables.Make);
    }

    /// <summary>All jobs that may start now, one line each.</summary>
    public string Next() => Play(context => _planner.Next(_map, context));

    /// <summary>All jobs of a requested compaction that may start now; the last line says why there are no more.</summary>
    public string Request(string? range = null, ulong sequenceMax = ulong.MaxValue)
    {
        string[]? ends = range?.Split('-');
        KeyRange? keys = ends is null ? null : new KeyRange(Encoding.ASCII.GetBytes(ends[0]), Encoding.ASCII.GetBytes(ends[1]));
        bool hasWork = true;
        string jobs = Play(context =>
        {
            hasWork = _planner.TryNextForRange(_map, context, keys, sequenceMax, out CompactionPick? pick);
            return pick;
        });
        return (jobs == "nothing" ? "" : jobs + "\n") + (hasWork ? "waits" : "done");
    }

    /// <summary>Ends all running jobs; one that rewrites gives one table over its whole range, without tombstones at the bottom.</summary>
    public void Finish()
    {
        foreach (CompactionPick job in _running)
        {
            List<TableInfo> sources = [.. job.Inputs.Select(table => table.Info), .. job.Overlapped.Select(table => table.Info)];
            var output = new TableInfo[job.IsTrivialMove ? 0 : 1];
            if (output.Length > 0)
            {
                output[0] = sources[0] with
                {
                    Number = sources.Max(info => info.Number) + 100,
                    SmallestKey = job.Range.Smallest,
                    LargestKey = job.Range.Largest,
                    FileBytes = sources.Sum(info => info.FileBytes),
                    TombstoneCount = job.IsBottom ? 0 : sources.Sum(info => info.TombstoneCount),
                    EntryCount = sources.Sum(info => info.EntryCount),
                    SmallestSequence = sources.Min(info => info.SmallestSequence),
                    LargestSequence = sources.Max(info => info.LargestSequence),
                    IsCompressed = job.IsBottom,
                };
            }

            _map = _map.Apply(job.CreateEdit(output), TestTables.Make);
        }

        _running.Clear();
    }

    private string Play(Func<CompactionContext, CompactionPick?> ask)
    {
        var lines = new List<string>();
        var context = new CompactionContext
        {
            Running = _running,
            Excluded = _excluded,
            OldestSnapshot = _oldestSnapshot,
            IsIdle = _isIdle,
        };
        while (ask(context) is { } pick && lines.Count < 100)
        {
            _running.Add(pick);
            lines.Add(Describe(pick));
        }

        return lines.Count == 0 ? "nothing" : string.Join('\n', lines);
    }

    private static string Describe(CompactionPick pick)
    {
        string overlapped = pick.Overlapped.Count > 0 ? $" + {pick.OutputLevel}:{Numbers(pick.Overlapped)}" : "";
        string grandparents = pick.Grandparents.Count > 0 ? $" over {Numbers(pick.Grandparents)}" : "";
        string verb = pick.IsTrivialMove ? " move" : "";
        return $"{pick.Reason}{verb} {pick.InputLevel}:{Numbers(pick.Inputs)}{overlapped} -> {pick.OutputLevel}{grandparents}";
    }

    private static string Numbers(IReadOnlyList<Table> tables) => string.Join(',', tables.Select(table => table.Info.Number));

    private void ReadOptions(string text, ref long memtableBytes)
    {
        foreach (string option in text.Split(',', StringSplitOptions.TrimEntries))
        {
            string[] words = option.Split(' ');
            if (words[0] == "memtable") memtableBytes = long.Parse(words[1], CultureInfo.InvariantCulture) << 20;
            if (words[0] == "snapshot") _oldestSnapshot = ulong.Parse(words[1], CultureInfo.InvariantCulture);
            if (words[0] == "excluded") _excluded.Add(long.Parse(words[1], CultureInfo.InvariantCulture));
            if (words[0] == "idle") _isIdle = true;
        }
    }

    private static void AddTables(LevelEdit edit, int level, string text)
    {
        TableInfo? info = null;
        foreach (string word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (char.IsDigit(word[0]))
            {
                if (info is not null) edit.Add(level, info);
                info = ReadTable(word);
                continue;
            }

            long number = word == "raw" ? 0 : long.Parse(word[1..], CultureInfo.InvariantCulture);
            info = word[0] switch
            {
                '*' => info! with { FileBytes = number << 20 },
                '%' => info! with { TombstoneCount = info.EntryCount * number / 100 },
                _ => info! with { IsCompressed = false },
            };
        }

        edit.Add(level, info!);
    }

    private static TableInfo ReadTable(string word)
    {
        string[] parts = word.Split('[', '-', ']', '@');
        long number = long.Parse(parts[0], CultureInfo.InvariantCulture);
        ulong first = parts.Length > 5 ? ulong.Parse(parts[4], CultureInfo.InvariantCulture) : (ulong)number;
        ulong last = parts.Length > 5 ? ulong.Parse(parts[5], CultureInfo.InvariantCulture) : (ulong)number;
        return TestTables.Info(number, parts[1], parts[2], first, last) with
        {
            FileBytes = 32L << 20,
            EntryCount = 100_000,
            TombstoneCount = 0,
            IsCompressed = true,
        };
    }
}
