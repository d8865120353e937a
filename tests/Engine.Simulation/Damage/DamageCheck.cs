using System.Runtime.InteropServices;
using Varve.Log;
using Varve.Native;
using Varve.Recovery;

namespace Varve.Simulation;

/// <summary>What became of a damage.</summary>
internal enum DamageOutcome
{
    /// <summary>The bytes were the same as before.</summary>
    NoDamage,

    /// <summary>The open said what is damaged.</summary>
    FoundByOpen,

    /// <summary>Reads of what is damaged said so; all others were right.</summary>
    FoundByReads,

    /// <summary>Only the verification found it: nothing that is read was touched.</summary>
    FoundByVerify,

    /// <summary>Everything was there and right.</summary>
    Harmless,

    /// <summary>Nothing that was promised is lost: the end of a log that was not closed, up to what had been synced.</summary>
    TailLost,
}

/// <summary>Damages one file of an image, opens the database, and holds everything it then says against what must be there.</summary>
internal sealed class DamageCheck(DamageImage image, RegionPool pool)
{
    private const string LaterName = "later";

    /// <summary>Far above what the sound image takes; below what a wrong length of 24 bits or more would ask for.</summary>
    private const long AllocatedBytesMax = 24L << 20;

    /// <summary>No read asks for more than this or the file's length.</summary>
    private const long ReadBytesMax = 1L << 20;

    private static readonly byte[] LaterKey = [1];

    /// <exception cref="HistoryViolationException">A promise was broken.</exception>
    public DamageOutcome Run(DamagedFile damaged, int seed)
    {
        try
        {
            return Damage(damaged, seed);
        }
        catch (Exception violation)
        {
            string kind = image.WasClosed ? "closed" : "killed";
            throw HistoryViolationException.At($"database {kind}, {damaged.Name}: {damaged.What}", violation);
        }
    }

    private DamageOutcome Damage(DamagedFile damaged, int seed)
    {
        string path = DamageImage.PathOf(damaged.Name);
        byte[] sound = image.Disk.ReadAll(path);
        if (damaged.Content is { } same && same.AsSpan().SequenceEqual(sound)) return DamageOutcome.NoDamage;
        var scheduler = new DeterministicScheduler(seed) { SwitchPointsMax = 1_000_000 };
        scheduler.Clock.SetUtcNow(image.Time);
        SimulatedDisk disk = image.Disk.Fork();
        if (damaged.Content is null) disk.Remove(path);
        else disk.WriteAll(path, damaged.Content);
        DamageOutcome outcome = default;
        scheduler.Run(() => outcome = Open(disk, scheduler, new DamageErrors(damaged, sound.Length), damaged, seed));
        if (disk.OpenFileCount != 0) throw new HistoryViolationException($"{disk.OpenFileCount} files are open after the close");
        return outcome;
    }

    private DamageOutcome Open(SimulatedDisk disk, DeterministicScheduler scheduler, DamageErrors errors, DamagedFile damaged, int seed)
    {
        long allocatedBefore = GC.GetAllocatedBytesForCurrentThread();
        disk.Faults = call => CheckRead(disk, call);
        EngineSetup setup = DamageImage.CreateSetup(disk, scheduler, seed, pool);
        ulong floor = image.WasClosed ? ulong.MaxValue : FindSyncedSequence(disk);
        if (seed % 4 == 0) CheckReadOnly(setup, errors, floor);
        Database? opened = null;
        if (!errors.Passes(() => opened = Database.Open(setup, new DatabaseOptions()))) return DamageOutcome.FoundByOpen;
        DamageState state;
        bool isSound;
        int errorsSeen;
        int last;
        using (Database database = opened!)
        {
            last = FindLast(database, errors, floor);
            state = last < 0 ? DamageState.Empty : image.Commits[last].After;
            new DamageReads(database, state, errors).CheckAll();
            CheckFeed(database, errors, last);
            errorsSeen = errors.Count;
            isSound = CheckVerify(database, errors, damaged);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - allocatedBefore;
            if (allocated > AllocatedBytesMax) throw new HistoryViolationException($"{allocated} bytes were allocated");
            GoOn(database, errors, seed);
        }

        CheckReopened(setup, errors, state);
        return errorsSeen > 0 ? DamageOutcome.FoundByReads
            : !isSound ? DamageOutcome.FoundByVerify
            : last < image.Commits.Count - 1 ? DamageOutcome.TailLost : DamageOutcome.Harmless;
    }

    public static Fault? CheckRead(SimulatedDisk disk, DiskCall call)
    {
        if (call.Operation == DiskOperation.Read && call.Bytes > ReadBytesMax && call.Bytes > disk.LengthOf(call.Path))
            throw new HistoryViolationException($"a read asks for {call.Bytes} bytes of '{call.Path}'");
        return null;
    }

    private void CheckReadOnly(EngineSetup setup, DamageErrors errors, ulong floor)
    {
        Database? opened = null;
        if (!errors.Passes(() => opened = Database.Open(setup, new DatabaseOptions { Mode = OpenMode.ReadOnly }))) return;
        using Database database = opened!;
        int last = FindLast(database, errors, floor);
        new DamageReads(database, last < 0 ? DamageState.Empty : image.Commits[last].After, errors).CheckAll();
        CheckFeed(database, errors, last);
    }

    /// <summary>The number of the last commit that is there; the checks that follow say whether it is a prefix.</summary>
    private int FindLast(Database database, DamageErrors errors, ulong floor)
    {
        SortedMap journal = database.GetMap(DamageImage.JournalName);
        for (int number = image.Commits.Count - 1; number >= 0; number--)
        {
            bool isThere = false;

            // Where it cannot be read, it is there: if not, the reads that follow find that it lacks.
            if (!errors.Passes(() => isThere = journal.Contains(HistoryBatch.KeyOf(number))) || isThere) return number;
            ulong sequence = image.Commits[number].Sequence;
            if (sequence <= floor)
                throw new HistoryViolationException($"commit {number} (sequence {sequence}) is not there, nor is an error");
        }

        return -1;
    }

    /// <summary>From the oldest position on all that is there, in order, or an error.</summary>
    private void CheckFeed(Database database, DamageErrors errors, int last)
    {
        ulong oldest = database.OldestChangeSequence;
        List<DamageCommit> expected = [.. image.Commits.Take(last + 1).Where(commit => commit.Sequence > oldest)];
        int at = 0;
        bool isWhole = errors.Passes(() =>
        {
            try
            {
                using var reader = database.CreateChangeReader(oldest, new ChangeFeedOptions());
                while (reader.TryRead(out ChangeBatch? batch)) CheckShown(batch, expected, at++);
            }
            catch (ChangeHistoryLostException lost) when (lost.OldestSequence > oldest)
            {
                // Damage in the history ends it there; the database needs it no more.
                at = expected.Count;
            }
        });
        if (isWhole && at < expected.Count)
            throw new HistoryViolationException($"the feed from {oldest} lacks {expected[at].Sequence} without an error");
    }

    private static void CheckShown(ChangeBatch batch, List<DamageCommit> expected, int at)
    {
        if (at >= expected.Count) throw new HistoryViolationException($"the feed shows {batch.Sequence} behind the last commit");
        DamageCommit wanted = expected[at];
        bool isRight = batch.Sequence == wanted.Sequence && batch.Changes.Count == wanted.Changes.Count;
        for (int i = 0; isRight && i < wanted.Changes.Count; i++) isRight = wanted.Changes[i].IsShownBy(batch.Changes[i]);
        if (!isRight) throw new HistoryViolationException($"the feed shows {batch.Sequence} otherwise than commit {wanted.Sequence}");
    }

    /// <summary>Finds any damage of a table that is in use, and no other.</summary>
    private bool CheckVerify(Database database, DamageErrors errors, DamagedFile damaged)
    {
        VerifyReport report = database.Verify();
        foreach (CorruptDataException damage in report.Damages) errors.Take(damage);
        bool isUsed = database.GetStatistics().Levels.SelectMany(level => level.Tables).Any(table => table.FileName == damaged.Name);
        if (isUsed == report.IsSound)
            throw new HistoryViolationException(isUsed ? "verify does not find it" : $"verify: {report.Damages[0].Message}");
        return report.IsSound;
    }

    /// <summary>Writes work as ever, whatever is damaged; a compaction of what is damaged says so.</summary>
    private static void GoOn(Database database, DamageErrors errors, int seed)
    {
        SortedMap later = database.GetMap(LaterName);
        ulong latest = database.LatestSequence;
        ulong sequence = later.Put(LaterKey, [1, 2, 3], Durability.Synced);
        if (sequence <= latest) throw new HistoryViolationException($"a write got sequence {sequence} after {latest}");
        if (seed % 2 == 0) database.Flush();
        if (seed % 8 == 1) errors.Passes(() => database.Compact());
        if (later.Get(LaterKey) is not [1, 2, 3]) throw new HistoryViolationException("a write is not read back");
        database.Close();
    }

    private static void CheckReopened(EngineSetup setup, DamageErrors errors, DamageState state)
    {
        Database? opened = null;
        if (!errors.Passes(() => opened = Database.Open(setup, new DatabaseOptions()))) return;
        using Database database = opened!;
        new DamageReads(database, state, errors).CheckAll(otherName: LaterName);
        if (database.GetMap(LaterName).Get(LaterKey) is not [1, 2, 3]) throw new HistoryViolationException("a synced write is lost");
        database.Close();
    }

    /// <summary>The highest sequence that any whole frame or header of the log, as it is now, states as synced.</summary>
    private ulong FindSyncedSequence(SimulatedDisk disk)
    {
        ulong synced = 0;
        foreach ((string name, byte[] content) in DamageImage.ReadFiles(disk))
        {
            if (!name.EndsWith(".log", StringComparison.Ordinal)) continue;
            if (LogSegmentHeader.TryRead(content, out LogSegmentHeader header) && image.LogSalts.Contains(header.Salt))
                synced = Math.Max(synced, header.DurableMark);
            ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(content);
            for (int i = LogFormat.HeaderAreaBytes / sizeof(ulong); i < words.Length; i++)
            {
                if (words[i] == 0 || !image.LogSalts.Contains(words[i])) continue;
                ReadOnlySpan<byte> rest = content.AsSpan(i * sizeof(ulong));
                if (LogFrame.TryReadHeader(rest, words[i], out LogFrame frame) && frame.TotalBytes <= rest.Length
                    && LogFrame.ChecksumHolds(rest[..frame.TotalBytes], words[i], i * sizeof(ulong)))
                {
                    synced = Math.Max(synced, frame.DurableMark);
                }
            }
        }

        return synced;
    }
}
