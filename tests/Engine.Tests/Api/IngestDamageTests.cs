using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Varve.Native;

namespace Varve.Tests.Api;

/// <summary>
/// The log does not have what was ingested, so a manifest that loses its end must not make it vanish: the log knows that the tables were
/// installed.
/// </summary>
public sealed class IngestDamageTests
{
    private const int Count = 200;
    private const int ManifestHeaderBytes = 48;
    private const int ManifestSaltOffset = 28;

    private readonly SimulatedDisk _disk = new();
    private readonly RegionPool _pool = new();
    private readonly DeterministicScheduler _scheduler = new(1);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_manifest_that_has_lost_an_ingest_is_found(bool closes) => Run(() =>
    {
        SimulatedDisk disk = Ingest(closes);
        (string manifest, List<int> frames) = FindFrames(disk);

        // The last frame of a closed database says that it was closed, the one before it is the ingest's; after a kill that is the last.
        int ingestFrame = frames[closes ? ^2 : ^1];
        disk.Cut(manifest, ingestFrame);
        var error = Assert.Throws<CorruptDataException>(() => Open(disk));
        Assert.EndsWith(Path.GetFileName(manifest), error.Path, StringComparison.Ordinal);
        Assert.Equal(ingestFrame, error.Offset);
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_ingest_that_the_manifest_has_lost_is_found_by_verification_and_comes_back_by_repair(bool closes) => Run(() =>
    {
        SimulatedDisk disk = Ingest(closes);
        (string manifest, List<int> frames) = FindFrames(disk);
        disk.Cut(manifest, frames[closes ? ^2 : ^1]);
        VerifyProblem problem = Assert.Single(DatabaseInspector.VerifyDirectory(disk, "data").Problems);
        Assert.Equal(Path.GetFileName(manifest), problem.FileName);
        RepairReport report = DatabaseRepair.Run(disk, new SeededRandom(1), "data");
        Assert.False(report.WasSound);
        Assert.Empty(report.Losses);
        Assert.Empty(report.Remaining);
        using Database database = Open(disk);
        Assert.Equal(Count, CountOf(database));
    });

    [Fact]
    public void A_manifest_that_has_lost_only_the_mark_of_the_close_opens_as_after_a_crash() => Run(() =>
    {
        SimulatedDisk disk = Ingest(closes: true);
        (string manifest, List<int> frames) = FindFrames(disk);
        disk.Cut(manifest, frames[^1]);
        using Database database = Open(disk);
        Assert.Equal(Count, CountOf(database));
    });

    [Fact]
    public void An_ingest_that_failed_and_was_settled_is_not_missed_after_a_kill() => Run(() =>
    {
        SimulatedDisk left;
        using (Database database = Open(_disk))
        {
            SortedMap map = database.GetMap("m");
            map.Put("before"u8, "v"u8);
            database.Flush();
            ulong before = database.LatestSequence;
            _disk.Faults = FaultPlan.Matching(
                static call => call.Operation == DiskOperation.Write && call.Path.Contains("MANIFEST", StringComparison.Ordinal),
                Fault.Error(Errors.NoSpace));
            Assert.Throws<StorageException>(() => database.Ingest(map, Entries()));
            _disk.Faults = null;

            // The marks are in the log, the tables nowhere.
            Assert.Equal(before + 1, database.LatestSequence);
            map.Put("after"u8, "v"u8, Durability.Synced);
            map.Put("later"u8, "v"u8, Durability.Synced);
            left = _disk.Fork();
        }

        using Database reopened = Open(left);
        Assert.Equal(3, CountOf(reopened));
    });

    private void Run(Action body) => _scheduler.Run(body);

    private SimulatedDisk Ingest(bool closes)
    {
        using Database database = Open(_disk);
        SortedMap map = database.GetMap("m");
        map.Put("k00000"u8, "v"u8, Durability.Synced);
        database.Ingest(map, Entries());
        if (closes) database.Close();
        return _disk.Fork();
    }

    /// <summary>The manifest and where its frames begin.</summary>
    private static (string Path, List<int> Frames) FindFrames(SimulatedDisk disk)
    {
        string manifest = disk.ListAllFiles().Single(path => path.Contains("MANIFEST", StringComparison.Ordinal));
        byte[] content = disk.ReadAll(manifest);
        ulong salt = BitConverter.ToUInt64(content, ManifestSaltOffset);
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(content);
        var frames = new List<int>();
        for (int i = ManifestHeaderBytes / sizeof(ulong); i < words.Length; i++)
        {
            if (words[i] == salt) frames.Add(i * sizeof(ulong));
        }

        return (manifest, frames);
    }

    /// <summary>Without compactions beside it, so that the manifest has the edits that the test makes.</summary>
    private Database Open(SimulatedDisk disk) => (OptionSet.Tiny with { LevelZeroTrigger = 100 }).Open(disk, _pool, scheduler: _scheduler);

    private static int CountOf(Database database)
    {
        int count = 0;
        foreach (ReadOnlySpan<byte> _ in database.GetMap("m").All().Keys) count++;
        return count;
    }

    private static IEnumerable<KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>> Entries()
    {
        for (int i = 0; i < Count; i++)
        {
            byte[] key = Encoding.ASCII.GetBytes("k" + i.ToString("d5", CultureInfo.InvariantCulture));
            yield return new(key, new byte[20]);
        }
    }
}
