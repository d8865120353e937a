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

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_manifest_that_has_lost_an_ingest_is_found(bool closes)
    {
        SimulatedDisk disk = Ingest(closes, out string manifest, out List<int> frames);

        // The last frame of a closed database says that it was closed, the one before it is the ingest's; after a kill that is the last one.
        int ingestFrame = frames[closes ? ^2 : ^1];
        disk.Cut(manifest, ingestFrame);
        var error = Assert.Throws<CorruptDataException>(() => Open(disk));
        Assert.EndsWith(Path.GetFileName(manifest), error.Path, StringComparison.Ordinal);
        Assert.Equal(ingestFrame, error.Offset);
    }

    [Fact]
    public void A_manifest_that_has_lost_only_the_mark_of_the_close_opens_as_after_a_crash()
    {
        SimulatedDisk disk = Ingest(closes: true, out string manifest, out List<int> frames);
        disk.Cut(manifest, frames[^1]);
        using Database database = Open(disk);
        Assert.Equal(Count, CountOf(database));
    }

    [Fact]
    public void An_ingest_that_failed_and_was_settled_is_not_missed_after_a_kill()
    {
        SimulatedDisk left;
        using (Database database = Open(_disk))
        {
            SortedMap map = database.GetMap("m");
            map.Put("before"u8, "v"u8);
            database.Flush();
            _disk.Faults = FaultPlan.Matching(
                static call => call.Operation == DiskOperation.Write && call.Path.Contains("MANIFEST", StringComparison.Ordinal),
                Fault.Error(Errors.NoSpace));
            Assert.Throws<StorageException>(() => database.Ingest(map, Entries()));
            _disk.Faults = null;
            map.Put("after"u8, "v"u8, Durability.Synced);
            map.Put("later"u8, "v"u8, Durability.Synced);
            left = _disk.Fork();
        }

        using Database reopened = Open(left);
        Assert.Equal(3, CountOf(reopened));
    }

    private SimulatedDisk Ingest(bool closes, out string manifest, out List<int> frames)
    {
        SimulatedDisk left;
        using (Database database = Open(_disk))
        {
            SortedMap map = database.GetMap("m");
            map.Put("k00000"u8, "v"u8, Durability.Synced);
            database.Ingest(map, Entries());
            left = _disk.Fork();
            if (closes)
            {
                database.Close();
                left = _disk.Fork();
            }
        }

        manifest = left.ListAllFiles().Single(path => path.Contains("MANIFEST", StringComparison.Ordinal));
        byte[] content = left.ReadAll(manifest);
        ulong salt = BitConverter.ToUInt64(content, ManifestSaltOffset);
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(content);
        frames = [];
        for (int i = ManifestHeaderBytes / sizeof(ulong); i < words.Length; i++)
        {
            if (words[i] == salt) frames.Add(i * sizeof(ulong));
        }

        return left;
    }

    private Database Open(SimulatedDisk disk) => OptionSet.Tiny.Open(disk, _pool);

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
