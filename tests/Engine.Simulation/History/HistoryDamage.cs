using Varve.Entries;
using Varve.Files;
using Varve.Levels;
using Varve.Native;
using Varve.Recovery;
using Varve.Tables;

namespace Varve.Simulation;

/// <summary>
/// Hurts what a closed database left on its disk, or what the disk does with a file from then on: bits flip, reads and writes go to the
/// wrong place, writes are lost though they were synced. Every read of the database then gives what was written, or an error of the
/// right type that names a hurt file; the error of a get names no table that cannot hold its key. Nothing else: no wrong data, none
/// missing.
/// </summary>
internal sealed class HistoryDamage(HistoryModel model, RegionPool pool)
{
    private const int LaterCount = 40;
    private const int SectorBytes = 512;

    private readonly HashSet<string> _hurt = new(StringComparer.Ordinal);

    /// <summary>What reads and verifications have named.</summary>
    private readonly HashSet<string> _foundPaths = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TableInfo> _tables = new(StringComparer.Ordinal);
    private bool _isFound;
    private bool _isGone;
    private string _what = "";

    /// <param name="closed">Left by a clean close; stays as it is.</param>
    /// <param name="random">Decides what is hurt, and how.</param>
    public void Check(SimulatedDisk closed, Random random)
    {
        try
        {
            SimulatedDisk disk = closed.Fork();
            foreach (LeveledTable table in Manifest.Load(disk, HistoryOptions.Directory)!.Tables)
                _tables.Add(Path.Combine(HistoryOptions.Directory, FileNames.Table(table.Info.Number)), table.Info);
            string[] files = [.. disk.ListAllFiles().Where(IsOfDatabase)];
            string file = files[random.Next(files.Length)];
            int kind = random.Next(8);
            if (kind < 5) HurtAtRest(disk, file, files, kind, random);
            Session(disk, random, kind < 5 ? null : DrawDistortion(file, kind, random), writes: random.Next(2) == 0);
            if (_hurt.Count > 0) model.Tally.Damages++;
            if (_isFound) model.Tally.DamagesFound++;
        }
        catch (Exception violation)
        {
            throw HistoryViolationException.At(_what, violation);
        }
    }

    private static bool IsOfDatabase(string path) =>
        path.StartsWith(HistoryOptions.Directory, StringComparison.Ordinal) && !path.EndsWith("LOCK", StringComparison.Ordinal);

    private void HurtAtRest(SimulatedDisk disk, string file, string[] files, int kind, Random random)
    {
        int length = disk.ReadAll(file).Length;
        int bytes = Math.Min(length, random.Next(2) == 0 ? SectorBytes : SparseBytes.PageBytes);
        int at = length <= bytes ? 0 : random.Next((length - 1) / bytes) * bytes;
        _hurt.Add(file);
        if (length == 0) kind = 4;
        switch (kind)
        {
            case 0:
                long bit = random.NextInt64(length * 8L);
                _what = $"bit {bit} of {file} flipped";
                disk.FlipBit(file, bit);
                break;
            case 1:
                _what = $"{bytes} bytes of {file} at {at} zeroed";
                disk.Zero(file, at, bytes);
                break;
            case 2:
                string from = files[random.Next(files.Length)];
                int count = Math.Min(bytes, disk.ReadAll(from).Length);
                _what = $"{count} bytes of {from} written to {file} at {at}";
                disk.CopyRange(from, 0, file, Math.Min(at, length - Math.Min(count, length)), Math.Min(count, length));
                break;
            case 3:
                int kept = random.Next(length);
                _what = $"{file} cut to {kept} of {length} bytes";
                disk.Cut(file, kept);
                break;
            default:
                _what = $"{file} is missing";
                _isGone = true;
                disk.Remove(file);
                break;
        }
    }

    private Func<DiskCall, Fault?> DrawDistortion(string file, int kind, Random random)
    {
        // A file that is there, or whichever is written next.
        bool isAnyFile = random.Next(2) == 0;
        DiskOperation operation = kind == 5 ? DiskOperation.Read : DiskOperation.Write;
        int nth = random.Next(1, isAnyFile ? 60 : 12);
        bool isForEver = kind == 5 && random.Next(2) == 0;
        long shift = (random.Next(2) == 0 ? SectorBytes : SparseBytes.PageBytes) * (random.Next(2) == 0 ? -1 : 1);
        long bit = random.NextInt64(1 << 20);
        (Fault fault, string what) = random.Next(3) switch
        {
            0 => (Fault.Misdirected(shift), $"misdirected by {shift}"),
            1 => (Fault.Flipped(bit), $"bit {bit} flipped"),
            _ => operation == DiskOperation.Write ? (Fault.LostWrite(), "lost") : (Fault.ShortRead(), "short"),
        };
        _what = $"{operation} {nth} of {(isAnyFile ? "any file" : file)}{(isForEver ? " and all later ones" : "")}: {what}";
        int seen = 0;
        return call =>
        {
            string path = call.Path.TrimStart('/');
            bool matches = call.Operation == operation && (isAnyFile ? IsOfDatabase(path) : path == file);
            if (!matches || (++seen != nth && !(isForEver && seen > nth))) return null;
            _hurt.Add(path);

            // Once it is written it gets its real name.
            if (path.EndsWith(".tmp", StringComparison.Ordinal)) _hurt.Add(path[..^".tmp".Length]);
            return fault;
        };
    }

    /// <summary>Opens, reads everything, perhaps writes, closes; then once more on a disk that does nothing new.</summary>
    private void Session(SimulatedDisk left, Random random, Func<DiskCall, Fault?>? distortion, bool writes)
    {
        int later = 0;
        for (int i = 0; i < 2; i++)
        {
            var scheduler = new DeterministicScheduler(random.Next());
            scheduler.Clock.SetUtcNow(DateTimeOffset.FromUnixTimeMilliseconds(model.WallMax));
            SimulatedDisk disk = left.Crash(CrashMode.KeepAll, 0, scheduler);
            if (i == 0) disk.Faults = distortion;
            bool isFirst = i == 0;
            scheduler.Run(() =>
            {
                EngineSetup setup = model.Options.CreateSetup(disk, scheduler, new SeededRandom(random.Next()), pool);
                Database? database = null;
                if (!Try(() => database = Database.Open(setup with { CreateIfMissing = false }, new DatabaseOptions()))) return;
                using (database)
                {
                    ReadAll(database!, later);
                    if (isFirst && writes) later = Write(database!);
                    VerifyReport report = database!.Verify();
                    foreach (CorruptDataException damage in report.Damages) CheckNamed(damage.Path, damage.Message);

                    // A table may go meanwhile without being read: all of it expired, or was deleted. Its file goes later.
                    if (report.IsSound && distortion is null && !writes && UsesFound(database))
                        throw new HistoryViolationException("reads find damage, verify does not");
                    Try(database.Close);
                }
            });
            left = disk;
            model.SawWall(scheduler.Clock.GetUtcNow());
            if (distortion is null) return;
        }
    }

    private bool UsesFound(Database database) => database.GetStatistics().Levels.SelectMany(level => level.Tables)
        .Any(table => _foundPaths.Contains($"{HistoryOptions.Directory}/{table.FileName}"));

    private void ReadAll(Database database, int later)
    {
        var reads = new HistoryReads(database, model, model.WallMax);
        ulong last = model.LastSequence;
        for (int map = 0; map < model.Options.MapNames.Length; map++)
        {
            int read = map;
            for (int key = 0; key < model.Options.Keys.Length; key++)
            {
                int asked = key;
                Try(() => CheckGet(database, reads, read, asked));
            }

            Try(() => reads.CheckMapAt(read, last));
        }

        Try(() => reads.CheckJournal(last));
        for (int i = 0; i < later; i++)
        {
            int number = i;
            Try(() =>
            {
                byte[]? value = database.GetMap(RecoveryCheck.LaterName).Get(HistoryBatch.KeyOf(number));
                if (value is null || !value.AsSpan().SequenceEqual(HistoryBatch.KeyOf(number * 7)))
                    throw new HistoryViolationException($"write {number} after the damage was acknowledged, and reads do not show it");
            });
        }
    }

    private void CheckGet(Database database, HistoryReads reads, int map, int key)
    {
        try
        {
            reads.AtNow(model.LastSequence, moment => reads.CheckGet(map, key, moment));
        }
        catch (CorruptDataException damage) when (_tables.TryGetValue(damage.Path.TrimStart('/'), out TableInfo? table))
        {
            CheckCanHold(table, database.GetMap(model.Options.MapNames[map]).Identity, model.Options.Keys[key], damage.Message);
            throw;
        }
    }

    private static void CheckCanHold(TableInfo table, MapIdentity map, byte[] key, string message)
    {
        using var full = new FullKey(map, key, stackalloc byte[FullKey.StackBytes]);
        bool isInside = full.Span.SequenceCompareTo(table.SmallestKey) >= 0 && full.Span.SequenceCompareTo(table.LargestKey) <= 0;
        if (!isInside) throw new HistoryViolationException($"a get fails on a table that cannot hold its key: {message}");
    }

    /// <summary>How many entries the database has taken.</summary>
    private int Write(Database database)
    {
        int count = 0;
        Try(() =>
        {
            SortedMap later = database.GetMap(RecoveryCheck.LaterName);
            for (; count < LaterCount; count++)
            {
                later.Put(HistoryBatch.KeyOf(count), HistoryBatch.KeyOf(count * 7), Durability.Synced);
                if (count == LaterCount / 2) database.Flush();
            }
        });
        Try(() => database.Compact());
        return count;
    }

    /// <summary>False when it ended in an error that the damage explains.</summary>
    private bool Try(Action action)
    {
        try
        {
            action();
            return true;
        }
        catch (CorruptDataException damage)
        {
            CheckNamed(damage.Path, damage.Message);
        }
        catch (Exception failure) when (_isFound && failure is DatabaseReadOnlyException or CommitOutcomeUnknownException)
        {
            // Upkeep met the damage, and writing has stopped.
        }
        catch (DatabaseReadOnlyException stopped) when (stopped.InnerException is CorruptDataException damage)
        {
            CheckNamed(damage.Path, damage.Message);
        }

        return false;
    }

    private void CheckNamed(string path, string message)
    {
        string file = path.TrimStart('/');
        _isFound = true;
        _foundPaths.Add(file);

        // What is missing has no name to give: the directory has it.
        if (_hurt.Contains(file) || (_hurt.Count > 0 && file == HistoryOptions.Directory)) return;

        // Nobody can tell which slot had a log segment whose header is gone: the segment beside it tells that it is missing.
        bool isSegment = message.Contains("log segment", StringComparison.Ordinal);
        bool isMissing = message.Contains("is missing", StringComparison.Ordinal);
        if (isSegment && isMissing && _hurt.Any(name => FileNames.TryParseLogSlot(Path.GetFileName(name), out _))) return;

        // A table that is gone may be the fault of the manifest that names it: both are told.
        if (_hurt.Any(name => message.Contains($"'{name}'", StringComparison.Ordinal))) return;
        string hurt = (_isGone ? "gone: " : "") + string.Join(", ", _hurt);
        throw new HistoryViolationException($"the error names no file that is hurt ({hurt}): {message}");
    }
}
