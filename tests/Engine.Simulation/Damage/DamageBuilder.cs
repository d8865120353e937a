using System.Text;
using Varve.Levels;
using Varve.Log;
using Varve.Native;

namespace Varve.Simulation;

/// <summary>
/// Writes the database of an image: three opens, after which it has tables on level 0 and below, raw and compressed, with filters, range
/// tombstones, expiries, large values and an ingest, a catalogue of several maps with a dropped one, a manifest of several edits, and a
/// log with history behind it.
/// </summary>
internal sealed class DamageBuilder
{
    private const int EntryCount = 100;
    private const int LargeValueBytes = (16 << 10) + 700;
    private const string Main = "orders";
    private const string Other = "größe";
    private const string Short = "s";

    private readonly Random _random;
    private readonly int _seed;
    private readonly RegionPool _pool;
    private readonly List<DamageCommit> _commits = [];
    private readonly List<(string Name, byte[] Content)> _older = [];
    private readonly DeterministicScheduler _scheduler;
    private readonly SimulatedDisk _disk = new();
    private DamageState _state = DamageState.Empty;
    private Database _database = null!;

    private DamageBuilder(int seed, RegionPool pool)
    {
        _seed = seed;
        _pool = pool;
        _random = new Random(seed);
        _scheduler = new DeterministicScheduler(seed);
    }

    public static DamageImage Build(int seed, bool closes, RegionPool pool) => new DamageBuilder(seed, pool).Run(closes);

    private DamageImage Run(bool closes)
    {
        SimulatedDisk? left = null;
        _scheduler.Run(() =>
        {
            WriteBottom();
            WriteUpper();
            left = WriteLast(closes);
        });
        ManifestState state = Manifest.Load(left!, DamageImage.Directory)!;
        LogEra era = state.LogEra!.Value;
        return new DamageImage
        {
            Disk = left!,
            WasClosed = closes,
            Commits = _commits,
            Older = [.. _older.Where(file => DamageImage.ReadFiles(left!).Any(now => IsOlder(file, now)))],
            LogSalts = [.. Enumerable.Range(0, 64).Select(i => LogFormat.SegmentSalt(era, era.FirstSegment + i))],
            Time = _scheduler.Clock.GetUtcNow(),
        };
    }

    /// <summary>The first open: the bottom level, compressed, with expiries and large values; an older map is dropped.</summary>
    private void WriteBottom()
    {
        _database = Open();
        for (int i = 0; i < EntryCount; i += 5)
            Commit(Durability.Buffered, [.. Enumerable.Range(i, 5).Select(number => PutRandom(Main, number))]);
        Commit(Durability.Buffered, PutRandom(Other, 1), PutLarge(Main, EntryCount / 2), PutRandom(Short, 3));
        Commit(
            Durability.Buffered,
            Expiring(Main, EntryCount + 1, TimeSpan.FromSeconds(5)),
            Expiring(Main, EntryCount + 2, TimeSpan.FromDays(9_000)));
        Commit(Durability.Synced, Operation.Drop(Short));
        _database.Compact();
        Remember();
        _database.Close();
    }

    /// <summary>The second open: levels between, with range tombstones, an ingest, and flushes that stay on level 0.</summary>
    private void WriteUpper()
    {
        _database = Open();
        for (int i = 0; i < EntryCount; i += 7) Commit(Durability.Buffered, PutRandom(Main, i), Operation.Delete(Main, KeyOf(i + 1)));
        Commit(Durability.Buffered, Operation.DeleteRange(Main, KeyOf(20), KeyOf(26)), PutLarge(Other, 2));
        _database.Flush();
        Ingest(Other, [.. Enumerable.Range(10, 30)]);
        for (int i = 0; i < 10; i++) Commit(Durability.Synced, PutRandom(Other, i * 4), PutRandom(Main, _random.Next(EntryCount)));
        _database.Flush();
        Remember();
        _scheduler.Clock.Advance(TimeSpan.FromMinutes(1));
        _state = _state.Delete(Main, KeyOf(EntryCount + 1));
        _database.Close();
    }

    /// <summary>The third: a flush, an ingest, then batches that only the log has, in several segments, the last ones not synced.</summary>
    private SimulatedDisk WriteLast(bool closes)
    {
        _database = Open();
        Remember();
        for (int i = 0; i < 12; i++) Commit(Durability.Synced, PutRandom(Main, _random.Next(EntryCount)), PutRandom(Short, i));
        Commit(Durability.Synced, Operation.DeleteRange(Other, KeyOf(12), KeyOf(15)), Expiring(Other, 90, TimeSpan.FromDays(8_000)));
        _database.Flush();
        Ingest(Short, [.. Enumerable.Range(40, 12)]);
        Remember();
        for (int i = 0; i < 24; i++)
        {
            Commit(Durability.Synced, PutRandom(Main, _random.Next(EntryCount)), PutRandom(Other, _random.Next(60)), PutRandom(Short, i));
            if (i is 6 or 18) Remember();
        }

        Commit(Durability.Synced, Operation.DeleteRange(Short, KeyOf(2), KeyOf(4)), PutLarge(Short, 5));
        Remember();
        for (int i = 0; i < 4; i++) Commit(Durability.Buffered, PutRandom(Main, _random.Next(EntryCount)));
        if (closes)
        {
            _database.Close();
            return _disk.Fork();
        }

        SimulatedDisk left = _disk.Fork();
        _database.Dispose();
        return left;
    }

    private static bool IsOlder((string Name, byte[] Content) kept, (string Name, byte[] Content) now) =>
        kept.Name == now.Name && !kept.Content.AsSpan().SequenceEqual(now.Content);

    private Database Open() => Database.Open(DamageImage.CreateSetup(_disk, _scheduler, _random.Next(), _pool), new DatabaseOptions());

    /// <summary>Keeps what the files hold now, for damage by an older copy.</summary>
    private void Remember() => _older.AddRange(DamageImage.ReadFiles(_disk.Fork()).Where(file => file.Content.Length > 0));

    private void Commit(Durability durability, params Operation[] operations)
    {
        using WriteBatch batch = _database.CreateBatch();
        DamageState state = _state;
        var changes = new List<ExpectedChange>();
        foreach (Operation operation in operations)
        {
            SortedMap map = _database.GetMap(operation.Map);
            switch (operation.Kind)
            {
                case ChangeKind.Put when operation.TimeToLive > TimeSpan.Zero:
                    batch.Put(map, operation.Key, operation.Value, operation.TimeToLive);
                    state = state.Put(operation.Map, operation.Key, operation.Value);
                    break;
                case ChangeKind.Put:
                    batch.Put(map, operation.Key, operation.Value);
                    state = state.Put(operation.Map, operation.Key, operation.Value);
                    break;
                case ChangeKind.Delete:
                    batch.Delete(map, operation.Key);
                    state = state.Delete(operation.Map, operation.Key);
                    break;
                case ChangeKind.DeleteRange:
                    batch.DeleteRange(map, operation.Key, operation.EndKey);
                    state = state.DeleteRange(operation.Map, operation.Key, operation.EndKey);
                    break;
                default:
                    batch.Buffer.AddDrop(map.Identity, Catalog.MapCatalog.Root, Encoding.UTF8.GetBytes(map.Name));
                    state = state.Drop(operation.Map);
                    break;
            }

            DateTimeOffset expiry = _scheduler.Clock.GetUtcNow() + operation.TimeToLive;
            changes.Add(new ExpectedChange(operation.Kind, operation.Map, operation.Key, operation.EndKey, operation.Value)
            {
                Expiry = operation.TimeToLive > TimeSpan.Zero ? expiry.ToUnixTimeMilliseconds() : 0,
            });
        }

        byte[] number = HistoryBatch.KeyOf(_commits.Count);
        batch.Put(_database.GetMap(DamageImage.JournalName), number, number);
        changes.Add(new ExpectedChange(ChangeKind.Put, DamageImage.JournalName, number, [], number));
        Add(_database.Write(batch, durability), state, changes);
    }

    private void Ingest(string name, int[] numbers)
    {
        using IngestWriter ingest = _database.CreateIngest();
        DamageState state = _state;
        SortedMap map = _database.GetMap(name);
        foreach (int number in numbers)
        {
            Operation put = number == numbers[0] ? PutLarge(name, number) : PutRandom(name, number);
            ingest.Add(map, put.Key, put.Value);
            state = state.Put(name, put.Key, put.Value);
        }

        byte[] journal = HistoryBatch.KeyOf(_commits.Count);
        ingest.Add(_database.GetMap(DamageImage.JournalName), journal, journal);
        Add(ingest.Commit(), state,
        [
            new ExpectedChange(ChangeKind.Ingest, name, KeyOf(numbers[0]), KeyOf(numbers[^1]), []),
            new ExpectedChange(ChangeKind.Ingest, DamageImage.JournalName, journal, journal, []),
        ]);
    }

    private void Add(ulong sequence, DamageState state, List<ExpectedChange> changes)
    {
        byte[] number = HistoryBatch.KeyOf(_commits.Count);
        _state = state.Put(DamageImage.JournalName, number, number);
        _commits.Add(new DamageCommit(sequence, _state, changes));
    }

    private static byte[] KeyOf(int number) => Encoding.ASCII.GetBytes($"key {number:d4}");

    private Operation PutRandom(string map, int number)
    {
        byte[] value = new byte[_random.Next(0, 60)];
        _random.NextBytes(value);

        // Half of a value is compressible, so that the bottom level gets compressed blocks.
        byte[] repeated = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat($"value {_random.Next(10)} ", _random.Next(1, 9))));
        return Operation.Put(map, KeyOf(number), [.. value[..(value.Length / 2)], .. repeated]);
    }

    private Operation Expiring(string map, int number, TimeSpan timeToLive) => PutRandom(map, number) with { TimeToLive = timeToLive };

    private Operation PutLarge(string map, int number)
    {
        byte[] value = new byte[LargeValueBytes + number];
        new Random(_seed + number).NextBytes(value);
        return Operation.Put(map, KeyOf(number), value);
    }

    private sealed record Operation(ChangeKind Kind, string Map, byte[] Key, byte[] EndKey, byte[] Value)
    {
        public TimeSpan TimeToLive { get; init; }

        public static Operation Put(string map, byte[] key, byte[] value) => new(ChangeKind.Put, map, key, [], value);

        public static Operation Delete(string map, byte[] key) => new(ChangeKind.Delete, map, key, [], []);

        public static Operation DeleteRange(string map, byte[] start, byte[] end) => new(ChangeKind.DeleteRange, map, start, end, []);

        public static Operation Drop(string map) => new(ChangeKind.DropMap, map, [], [], []);
    }
}
