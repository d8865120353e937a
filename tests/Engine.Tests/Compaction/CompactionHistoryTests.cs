using System.Globalization;
using System.Text;
using Varve.Compaction;
using Varve.Entries;
using Varve.Levels;
using Varve.Tables;
using Varve.Tests.Levels;

namespace Varve.Tests.Compaction;

/// <summary>
/// Flushes and compactions in any order, several at a time, on tables that are lists of entries: whatever the planner chooses, each
/// snapshot reads what it always read.
/// </summary>
public class CompactionHistoryTests
{
    [Fact]
    public void Reads_stay_the_same_whatever_runs_side_by_side()
    {
        int parallelMax = 0;
        int deepest = 0;
        for (int seed = 1; seed <= 12; seed++)
        {
            var history = new History(seed);
            for (int step = 0; step < 100; step++)
            {
                history.Step();
                if (step % 4 == 0) history.Check(step);
                parallelMax = Math.Max(parallelMax, history.RunningCount);
                deepest = Math.Max(deepest, history.LevelsInUse);
            }

            history.Settle();
            history.Check(-1);
        }

        // The histories must be rich enough to mean something.
        Assert.True(parallelMax >= 4, $"at most {parallelMax} jobs ran together");
        Assert.True(deepest >= 4, $"at most {deepest} levels were in use");
    }

    private readonly record struct Version(string Key, ulong Sequence, bool IsTombstone);

    private sealed record Job(CompactionPick Pick, LevelMap Map, ulong[] Snapshots);

    private sealed class History
    {
        private static readonly CompactionOptions Options =
            new() { MemtableBytes = 2, TableBytes = 6, LevelRatio = 3, TombstoneCountMin = 2 };

        private readonly int _seed;
        private readonly Random _random;
        private readonly CompactionPlanner _planner = new(Options);
        private readonly Dictionary<long, List<Version>> _contents = [];
        private readonly List<Version> _written = [];
        private readonly List<ulong> _snapshots = [];
        private readonly List<Job> _running = [];
        private LevelMap _map = LevelMap.CreateEmpty();
        private ulong _sequence;
        private long _number;

        public History(int seed)
        {
            _seed = seed;
            _random = new Random(seed);
        }

        public int RunningCount => _running.Count;

        public int LevelsInUse => Enumerable.Range(0, LevelMap.LevelCount).Count(level => !_map.Tables(level).IsEmpty);

        public void Step()
        {
            int choice = _random.Next(10);
            if (choice < 5)
                Flush();
            else if (choice < 8)
                Start();
            else if (_running.Count > 0)
                Finish(_running[_random.Next(_running.Count)]);
            if (_random.Next(15) == 0) _snapshots.Add(_sequence);
            if (_random.Next(15) == 0 && _snapshots.Count > 0) _snapshots.RemoveAt(_random.Next(_snapshots.Count));
        }

        /// <summary>Ends all jobs, then brings everything to the bottom; it must come to an end.</summary>
        public void Settle()
        {
            _snapshots.Clear();
            for (int round = 0; round < 200; round++)
            {
                while (_running.Count > 0) Finish(_running[^1]);
                if (!_planner.TryNextForRange(_map, Context(), null, _sequence, out CompactionPick? pick)) break;
                Assert.True(pick is not null && round < 199, $"seed {_seed}: the request does not end");
                _running.Add(new Job(pick, _map, Snapshots()));
            }

            Assert.True(LevelsInUse <= 1 && _map.Tables(0).IsEmpty, $"seed {_seed}");
            foreach (Table table in _map.Tables(LevelMap.BottomLevel))
                Assert.False(_contents[table.Info.Number].Exists(version => version.IsTombstone), $"seed {_seed}: tombstones are left");
            for (int round = 0; _planner.Next(_map, Context()) is { } pick; round++)
            {
                Assert.True(round < 100, $"seed {_seed}: upkeep does not end");
                Finish(new Job(pick, _map, Snapshots()));
            }
        }

        public void Check(int step)
        {
            foreach (ulong snapshot in _snapshots.Append(_sequence))
            {
                for (int key = 0; key < 40; key++)
                {
                    string name = Name(key);
                    ulong expected = Newest(_written, name, snapshot);
                    ulong actual = Read(name, snapshot);
                    if (expected != actual)
                        Assert.Fail($"seed {_seed}, step {step}, key {name} at {snapshot}: {actual}, expected {expected}");
                }
            }
        }

        private void Flush()
        {
            var versions = new List<Version>();
            int start = _random.Next(40);
            int width = _random.Next(3) == 0 ? 40 : 6;
            for (int i = _random.Next(1, 8); i > 0; i--)
                versions.Add(new Version(Name((start + _random.Next(width)) % 40), ++_sequence, _random.Next(3) == 0));
            _written.AddRange(versions);
            Sort(versions);
            var edit = new LevelEdit();
            edit.Add(0, MakeTable(versions, isCompressed: false));
            _map = _map.Apply(edit, TestTables.Make);
        }

        private void Start()
        {
            CompactionPick? pick = _planner.Next(_map, Context() with { IsIdle = _random.Next(3) == 0 });
            if (pick is null && _random.Next(4) == 0) _planner.TryNextForRange(_map, Context(), null, _sequence, out pick);
            if (pick is not null) _running.Add(new Job(pick, _map, Snapshots()));
        }

        private void Finish(Job job)
        {
            _running.Remove(job);
            var outputs = new List<TableInfo>();
            if (!job.Pick.IsTrivialMove) Merge(job, outputs);
            _map = _map.Apply(job.Pick.CreateEdit(outputs), TestTables.Make);
        }

        private void Merge(Job job, List<TableInfo> outputs)
        {
            var merged = new List<Version>();
            foreach (Table table in job.Pick.Inputs.Concat(job.Pick.Overlapped)) merged.AddRange(_contents[table.Info.Number]);
            Sort(merged);
            var rule = new DropRule(job.Snapshots);
            var borders = new OutputBorders(job.Pick.Grandparents, Options);
            var output = new List<Version>();
            string previous = "";
            foreach (Version version in merged)
            {
                bool isNewKey = version.Key != previous;
                previous = version.Key;
                byte[] key = Encoding.ASCII.GetBytes(version.Key);
                if (isNewKey && borders.ShouldCutBefore(key, output.Count))
                {
                    outputs.Add(MakeTable(output, job.Pick.IsBottom));
                    output.Clear();
                }

                ulong trailer = Trailer.Pack(version.Sequence, version.IsTombstone ? EntryKind.Tombstone : EntryKind.Value);
                DropVerdict verdict = rule.Judge(isNewKey, trailer);
                if (verdict == DropVerdict.DropUnlessDeeper && job.Map.MayHoldDeeper(job.Pick.OutputLevel, key)) verdict = DropVerdict.Keep;
                if (verdict == DropVerdict.Keep) output.Add(version);
            }

            if (output.Count > 0) outputs.Add(MakeTable(output, job.Pick.IsBottom));
        }

        private TableInfo MakeTable(List<Version> versions, bool isCompressed)
        {
            long number = ++_number;
            _contents.Add(number, [.. versions]);
            (ulong smallest, ulong largest) = (versions.Min(version => version.Sequence), versions.Max(version => version.Sequence));
            return TestTables.Info(number, versions[0].Key, versions[^1].Key, smallest, largest) with
            {
                FileBytes = versions.Count,
                EntryCount = versions.Count,
                TombstoneCount = versions.Count(version => version.IsTombstone),
                IsCompressed = isCompressed,
            };
        }

        // As a reader does: the first table that has a version the snapshot sees ends the search.
        private ulong Read(string name, ulong snapshot)
        {
            byte[] key = Encoding.ASCII.GetBytes(name);
            foreach (Table table in _map.Tables(0))
            {
                if (_contents[table.Info.Number].Exists(version => version.Key == name && version.Sequence <= snapshot))
                    return Newest(_contents[table.Info.Number], name, snapshot);
            }

            for (int level = 1; level < LevelMap.LevelCount; level++)
            {
                int index = _map.FindTable(level, key);
                if (index < 0) continue;
                List<Version> versions = _contents[_map.Tables(level)[index].Info.Number];
                if (versions.Exists(version => version.Key == name && version.Sequence <= snapshot))
                    return Newest(versions, name, snapshot);
            }

            return 0;
        }

        private static ulong Newest(List<Version> versions, string key, ulong snapshot)
        {
            Version newest = default;
            foreach (Version version in versions)
            {
                if (version.Key == key && version.Sequence <= snapshot && version.Sequence > newest.Sequence) newest = version;
            }

            return newest.IsTombstone ? 0 : newest.Sequence;
        }

        private CompactionContext Context() =>
            new() { Running = [.. _running.Select(job => job.Pick)], OldestSnapshot = Snapshots()[0] };

        private ulong[] Snapshots() => [.. _snapshots.Append(_sequence).Order()];

        private static string Name(int key) => key.ToString("d2", CultureInfo.InvariantCulture);

        private static void Sort(List<Version> versions) => versions.Sort((a, b) =>
            a.Key != b.Key ? string.CompareOrdinal(a.Key, b.Key) : b.Sequence.CompareTo(a.Sequence));
    }
}
