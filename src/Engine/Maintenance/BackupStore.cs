using Varve.Files;
using Varve.Levels;
using Varve.Recovery;
using Varve.Runtime;
using Varve.Tables;

namespace Varve.Maintenance;

/// <summary>
/// A backup directory: a description for each version, and each table once, under a name that says which content it is. A version counts
/// from the rename of its description on, which comes last; a table has its name only when it is whole and durable. So what an interrupted
/// backup leaves harms no version, and the next one goes on with it. The caller holds no lock; every method takes the directory's.
/// </summary>
internal sealed class BackupStore(IFileSystem files, string directory)
{
    private const string PartialSuffix = ".partial";
    private const string DescriptionTemporary = "VERSION.tmp";

    /// <summary>Adds a version: the database as it is, with everything up to a sequence.</summary>
    public BackupResult Add(Store store, ulong sequence, IProgress<BackupProgress>? progress, CancellationToken cancellation)
    {
        files.CreateDirectory(directory);
        ThrowIfDatabase();
        using IDisposable held = Lock(exclusive: true);
        CheckOwner(store);
        DeletePartial();
        LevelMap levels = store.Levels.Pin(out ManifestState state);
        try
        {
            sequence = Math.Max(sequence, state.FlushedSequence);
            int copied = 0;
            long copiedBytes = 0;
            long bytes = 0;
            foreach (LeveledTable table in state.Tables.OrderBy(table => table.Info.Number))
            {
                cancellation.ThrowIfCancellationRequested();
                if (TryCopy(store.Tables.PathOf(table.Info.Number), table.Info, cancellation))
                {
                    copied++;
                    copiedBytes += table.Info.FileBytes;
                }

                bytes += table.Info.FileBytes;
                progress?.Report(new BackupProgress(bytes, levels.FileBytes));
            }

            files.SyncDirectory(directory);
            long created = Math.Max(0, store.Setup.Scheduler.Clock.GetUtcNow().ToUnixTimeMilliseconds());
            long number = Numbers().LastOrDefault() + 1;
            var description = new BackupDescription(number, created, sequence, NewDirectory.StateOf(state, sequence, store.Clock.Mark));
            cancellation.ThrowIfCancellationRequested();
            AtomicFile.Replace(files, PathOf(description.FileName), PathOf(DescriptionTemporary), description.Encode());
            return new BackupResult { Version = description.Describe(), CopiedTables = copied, CopiedBytes = copiedBytes };
        }
        finally
        {
            levels.Release();
        }
    }

    /// <summary>The versions that can be read, the oldest first.</summary>
    public IReadOnlyList<BackupVersion> List()
    {
        using IDisposable held = Lock(exclusive: false);
        return [.. LoadAll([]).Select(description => description.Describe())];
    }

    /// <summary>Makes a new database directory of a version; null: of the newest.</summary>
    public BackupVersion Restore(
        string target, long? number, RandomSource random, IProgress<BackupProgress>? progress, CancellationToken cancellation)
    {
        using IDisposable held = Lock(exclusive: false);
        List<long> numbers = Numbers();
        if (numbers.Count == 0) throw new DirectoryNotFoundException($"There is no backup in '{directory}'.");
        long chosen = number ?? numbers[^1];
        if (!numbers.Contains(chosen))
            throw new ArgumentException($"There is no backup version {chosen} in '{directory}'.", nameof(number));
        BackupDescription description = BackupDescription.Load(files, directory, chosen);
        long total = description.TableBytes;
        long bytes = 0;
        void BringTables(List<string> made)
        {
            foreach (LeveledTable table in description.State.Tables.OrderBy(table => table.Info.Number))
            {
                cancellation.ThrowIfCancellationRequested();
                string path = Path.Combine(target, FileNames.Table(table.Info.Number));
                string source = PathOf(BackupDescription.TableName(table.Info));
                if (!files.FileExists(source)) throw new CorruptDataException(source, 0, "the table is missing from the backup");
                made.Add(path);
                TableCopy.Run(files, source, path, table.Info, cancellation);
                bytes += table.Info.FileBytes;
                progress?.Report(new BackupProgress(bytes, total));
            }
        }

        NewDirectory.Make(files, target, description.State, random, BringTables, cancellation);
        return description.Describe();
    }

    /// <summary>Reads everything that any version needs.</summary>
    public BackupVerifyReport Verify(IProgress<BackupProgress>? progress, CancellationToken cancellation)
    {
        using IDisposable held = Lock(exclusive: false);
        var problems = new List<VerifyProblem>();
        List<BackupDescription> versions = LoadAll(problems);
        var broken = new SortedSet<long>(Numbers().Except(versions.Select(version => version.Number)));
        var needed = new SortedDictionary<string, (TableInfo Info, List<long> Versions)>(StringComparer.Ordinal);
        foreach (BackupDescription version in versions)
        {
            foreach (LeveledTable table in version.State.Tables)
            {
                string name = BackupDescription.TableName(table.Info);
                if (!needed.TryGetValue(name, out (TableInfo Info, List<long> Versions) known)) needed[name] = known = (table.Info, []);
                known.Versions.Add(version.Number);
            }
        }

        long total = needed.Values.Sum(table => table.Info.FileBytes);
        long bytes = 0;
        foreach ((string name, (TableInfo info, List<long> users)) in needed)
        {
            if (FindProblem(name, info, cancellation) is { } problem)
            {
                problems.Add(problem);
                broken.UnionWith(users);
            }

            bytes += info.FileBytes;
            progress?.Report(new BackupProgress(bytes, total));
        }

        return new BackupVerifyReport
        {
            Versions = [.. versions.Select(version => version.Describe())],
            Tables = needed.Count,
            Bytes = total,
            Problems = problems,
            BrokenVersions = [.. broken],
            UnneededFiles = [.. files.ListFiles(directory).Where(name => !IsNeeded(name, needed.ContainsKey))],
        };
    }

    /// <summary>Removes all versions but the newest ones, then the tables that none of the others needs.</summary>
    public BackupPruneReport Prune(int keep)
    {
        ThrowIfDatabase();
        using IDisposable held = Lock(exclusive: true);
        List<long> numbers = Numbers();
        List<long> removed = numbers[..Math.Max(0, numbers.Count - keep)];

        // Of a version that cannot be read nobody knows what it needs: nothing is removed then.
        var needed = new HashSet<string>(StringComparer.Ordinal);
        foreach (long number in numbers[removed.Count..])
        {
            foreach (LeveledTable table in BackupDescription.Load(files, directory, number).State.Tables)
                needed.Add(BackupDescription.TableName(table.Info));
        }

        foreach (long number in removed) files.Delete(PathOf(BackupDescription.FileNameOf(number)));
        files.SyncDirectory(directory);
        int count = 0;
        long freed = 0;
        foreach (string name in files.ListFiles(directory))
        {
            if (needed.Contains(name) || !(BackupDescription.IsTableName(name) || IsPartial(name))) continue;
            using (IFile file = files.Open(PathOf(name), FileOpening.Read)) freed += file.Length;
            files.Delete(PathOf(name));
            count++;
        }

        return new BackupPruneReport { RemovedVersions = removed, RemovedFiles = count, FreedBytes = freed };
    }

    private string PathOf(string name) => Path.Combine(directory, name);

    private IDisposable Lock(bool exclusive)
    {
        if (!files.DirectoryExists(directory)) throw new DirectoryNotFoundException($"There is no backup directory '{directory}'.");
        return files.Lock(PathOf(FileNames.Lock), exclusive);
    }

    private void ThrowIfDatabase()
    {
        if (files.FileExists(PathOf(FileNames.Current)))
            throw new IOException($"'{directory}' is the directory of a database; a backup needs one of its own.");
    }

    private void CheckOwner(Store store)
    {
        string own = store.Tables.DatabaseId.ToString();
        foreach (BackupDescription version in LoadAll([]))
        {
            string other = version.State.DatabaseId.ToString();
            if (other != own) throw new IOException($"'{directory}' holds backups of the database {other}, this one is {own}.");
        }
    }

    /// <summary>What an interrupted backup was copying.</summary>
    private void DeletePartial()
    {
        foreach (string name in files.ListFiles(directory))
        {
            if (IsPartial(name)) files.Delete(PathOf(name));
        }
    }

    /// <summary>False when the table is there already, whole: it got its name only then.</summary>
    private bool TryCopy(string source, TableInfo info, CancellationToken cancellation)
    {
        string target = PathOf(BackupDescription.TableName(info));
        if (files.FileExists(target))
        {
            using IFile existing = files.Open(target, FileOpening.Read);
            if (existing.Length == info.FileBytes) return false;
        }

        string partial = target + PartialSuffix;
        TableCopy.Run(files, source, partial, info, cancellation);
        files.Rename(partial, target);
        return true;
    }

    private VerifyProblem? FindProblem(string name, TableInfo info, CancellationToken cancellation)
    {
        if (!files.FileExists(PathOf(name))) return new VerifyProblem(name, 0, "the table is missing");
        try
        {
            TableCopy.Check(files, PathOf(name), info, cancellation);
            return null;
        }
        catch (CorruptDataException damage)
        {
            return VerifyProblem.Of(damage);
        }
    }

    private List<BackupDescription> LoadAll(List<VerifyProblem> problems)
    {
        var found = new List<BackupDescription>();
        foreach (long number in Numbers())
        {
            try
            {
                found.Add(BackupDescription.Load(files, directory, number));
            }
            catch (CorruptDataException damage)
            {
                problems.Add(VerifyProblem.Of(damage));
            }
        }

        return found;
    }

    private List<long> Numbers()
    {
        var numbers = new List<long>();
        foreach (string name in files.ListFiles(directory))
        {
            if (BackupDescription.TryParseFileName(name, out long number)) numbers.Add(number);
        }

        numbers.Sort();
        return numbers;
    }

    private static bool IsPartial(string name) =>
        name.EndsWith(PartialSuffix, StringComparison.Ordinal) && BackupDescription.IsTableName(name[..^PartialSuffix.Length]);

    private static bool IsNeeded(string name, Func<string, bool> isTableNeeded) =>
        name == FileNames.Lock || BackupDescription.TryParseFileName(name, out _) || isTableNeeded(name);
}
