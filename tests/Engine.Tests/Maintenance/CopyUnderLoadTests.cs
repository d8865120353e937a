using Varve.Maintenance;

namespace Varve.Tests.Maintenance;

/// <summary>Checkpoints and backups beside writers, flushes, compactions and ingests show a consistent moment.</summary>
public sealed class CopyUnderLoadTests
{
    private const int Writers = 2;
    private const int Rounds = 5;

    private readonly MaintenanceHouse _house = new();
    private readonly ulong[] _acknowledged = new ulong[Rounds];
    private Exception? _failure;
    private bool _isOver;

    [Fact]
    public void Checkpoints_and_backups_show_whole_batches_up_to_their_moment()
    {
        using Database database = _house.Open();
        List<Thread> threads = [];
        for (int writer = 0; writer < Writers; writer++)
        {
            int own = writer;
            threads.Add(new Thread(() => Guard(() => Write(database, own))));
        }

        threads.Add(new Thread(() => Guard(() => Ingest(database))));
        threads.Add(new Thread(() => Guard(() => Disturb(database))));
        foreach (Thread thread in threads) thread.Start();
        var sequences = new List<(string Directory, ulong Sequence)>();
        for (int round = 0; round < Rounds; round++)
        {
            _acknowledged[round] = database.GetMap("probe").Put([(byte)round], "p"u8);
            sequences.Add(($"/checkpoints/{round}", database.Checkpoint($"/checkpoints/{round}")));
            BackupVersion version = database.Backup("/backup").Version;
            sequences.Add(($"/restored/{version.Number}", version.Sequence));
        }

        Volatile.Write(ref _isOver, true);
        foreach (Thread thread in threads) thread.Join();
        Assert.Null(_failure);
        var store = new BackupStore(_house.Disk, "/backup");
        Assert.True(store.Verify(null, default).IsSound);
        for (int number = 1; number <= Rounds; number++)
            store.Restore($"/restored/{number}", number, new SeededRandom(number), null, default);
        for (int i = 0; i < sequences.Count; i++) Check(sequences[i].Directory, sequences[i].Sequence, _acknowledged[i / 2]);
    }

    /// <summary>Each batch puts its number into two maps, and deletes what the batch ten before it has put.</summary>
    private void Write(Database database, int writer)
    {
        SortedMap left = database.GetMap($"left{writer}");
        SortedMap right = database.GetMap($"right{writer}");
        for (int i = 0; !Volatile.Read(ref _isOver); i++)
        {
            using WriteBatch batch = database.CreateBatch();
            batch.Put(left, MaintenanceHouse.Key(i), new byte[30]);
            batch.Put(right, MaintenanceHouse.Key(i), new byte[30]);
            if (i >= 10)
            {
                batch.Delete(left, MaintenanceHouse.Key(i - 10));
                batch.Delete(right, MaintenanceHouse.Key(i - 10));
            }

            database.Write(batch, Durability.None);
        }
    }

    /// <summary>Each ingest replaces all keys of two maps with its number.</summary>
    private void Ingest(Database database)
    {
        for (byte i = 1; !Volatile.Read(ref _isOver) && i < byte.MaxValue; i++)
        {
            using IngestWriter ingest = database.CreateIngest();
            foreach (string map in (string[])["ingested", "ingested too"])
            {
                for (int key = 0; key < 40; key++) ingest.Add(database.GetMap(map), MaintenanceHouse.Key(key), [i]);
            }

            ingest.Commit();
        }
    }

    private void Disturb(Database database)
    {
        for (int i = 0; !Volatile.Read(ref _isOver); i++)
        {
            if (i % 3 == 0) database.Compact();
            else database.Flush();
        }
    }

    private void Guard(Action work)
    {
        try
        {
            work();
        }
        catch (Exception failure)
        {
            _failure = failure;
        }
    }

    private void Check(string directory, ulong sequence, ulong acknowledged)
    {
        DirectoryVerifyReport verified = _house.Verify(directory);
        Assert.True(verified.IsSound, $"{directory}: {string.Join('\n', verified.Problems)}");
        using Database copy = _house.Open(directory, isReadOnly: true);
        Assert.Equal(sequence, copy.LatestSequence);
        Assert.True(sequence >= acknowledged, $"{directory}: {sequence} is before {acknowledged}");
        for (int writer = 0; writer < Writers; writer++)
        {
            List<string> left = Read(copy, $"left{writer}");
            Assert.Equal(left, Read(copy, $"right{writer}"));

            // The last ten batches, one behind the other: a prefix of the writer's.
            Assert.True(left.Count <= 10, $"{directory}: {left.Count} keys");
            for (int i = 1; i < left.Count; i++)
                Assert.Equal(Convert.ToInt32(left[i - 1], 16) + 1, Convert.ToInt32(left[i], 16));
        }

        List<string> ingested = [.. Values(copy, "ingested"), .. Values(copy, "ingested too")];
        Assert.True(ingested.Count is 0 or 80, $"{directory}: {ingested.Count} ingested entries");
        Assert.True(ingested.Distinct().Count() <= 1, $"{directory}: parts of several ingests");
    }

    private static List<string> Read(Database database, string map)
    {
        var keys = new List<string>();
        foreach (Entry entry in database.GetMap(map).All()) keys.Add(Convert.ToHexString(entry.Key));
        return keys;
    }

    private static List<string> Values(Database database, string map)
    {
        var values = new List<string>();
        foreach (Entry entry in database.GetMap(map).All()) values.Add(Convert.ToHexString(entry.Value));
        return values;
    }
}
