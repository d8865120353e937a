using Varve.Native;
using Varve.Runtime;

namespace Varve.Tests.Api;

/// <summary>
/// A history of everything that makes an entry come and go (puts, times to live, deletes of ranges, ingests, drops, conditions) under a
/// clock that jumps by hours, beside a model that is looked up in full after each step.
/// </summary>
internal sealed class MixedHistory : IDisposable
{
    private const int MapCount = 2;
    private const int KeyCount = 14;

    private readonly string _where;
    private readonly OptionSet _options;
    private readonly Random _random;
    private readonly ManualClock _clock = new();
    private readonly RegionPool _pool = new();
    private readonly List<Moment> _moments = [];
    private SimulatedDisk _disk = new();
    private SortedDictionary<(int Map, int Key), Stored> _model = [];
    private Database _database;
    private int _step;

    public MixedHistory(int seed, OptionSet options)
    {
        _where = $"seed {seed}, {options}";
        _options = options;
        _random = new Random(seed);
        _database = Open();
    }

    private long Now => _clock.GetUtcNow().ToUnixTimeMilliseconds();

    private string Where => $"{_where}, step {_step}";

    public void Run(int steps)
    {
        for (_step = 0; _step < steps; _step++)
        {
            Step();
            Check(new Moment(null, Maps(), _model, Now));
            foreach (Moment moment in _moments) Check(moment);
        }

        Assert.True(_database.Verify().IsSound, Where);
    }

    public void Dispose()
    {
        foreach (Moment moment in _moments) moment.Snapshot!.Dispose();
        _database.Dispose();
    }

    private void Step()
    {
        switch (_random.Next(20))
        {
            case < 6:
                WriteBatch(isConditional: false);
                break;
            case < 10:
                WriteBatch(isConditional: true);
                break;
            case < 12:
                _clock.Advance(TimeSpan.FromMinutes(_random.Next(1, 200)));
                break;
            case 12:
                Ingest();
                break;
            case 13:
                Drop(_random.Next(MapCount));
                break;
            case 14:
                if (_moments.Count == 3) GiveUpMoment();
                _moments.Add(new Moment(_database.CreateSnapshot(), Maps(), new(_model), Now));
                break;
            case 15:
                if (_moments.Count > 0) GiveUpMoment();
                break;
            case 16:
                _database.Flush();
                break;
            case 17:
                _database.WaitForUpkeep();
                break;
            case 18:
                _database.Compact();
                break;
            default:
                Reopen(isKilled: _random.Next(2) == 0);
                break;
        }
    }

    private void GiveUpMoment()
    {
        int index = _random.Next(_moments.Count);
        _moments[index].Snapshot!.Dispose();
        _moments.RemoveAt(index);
    }

    private void Reopen(bool isKilled)
    {
        while (_moments.Count > 0) GiveUpMoment();
        SimulatedDisk disk = isKilled ? _disk.Crash(CrashMode.KeepAll, _step) : _disk;
        _database.Dispose();
        _disk = disk;
        _database = Open();
    }

    private Database Open() => _options.Open(_disk, _pool, scheduler: new SystemScheduler(_clock));

    private SortedMap[] Maps() => [.. Enumerable.Range(0, MapCount).Select(map => _database.GetMap($"map {map}"))];

    private void Drop(int map)
    {
        bool isThere = _database.DropMap($"map {map}");
        Assert.True(isThere || !_model.Keys.Any(key => key.Map == map), Where);
        Remove(map, 0, KeyCount, _model);
    }

    private void Ingest()
    {
        SortedMap[] maps = Maps();
        var taken = new List<((int, int) Place, byte[] Value)>();
        using IngestWriter writer = _database.CreateIngest();
        foreach (int map in _random.Next(2) == 0 ? [1, 0] : (int[])[_random.Next(MapCount)])
        {
            for (int key = _random.Next(KeyCount); key < KeyCount; key += _random.Next(1, 6))
            {
                byte[] value = DrawValue();
                writer.Add(maps[map], KeyOf(key), value);
                taken.Add(((map, key), value));
            }
        }

        ulong sequence = writer.Commit();
        foreach (((int, int) place, byte[] value) in taken) _model[place] = new Stored(value, 0, sequence);
    }

    private void WriteBatch(bool isConditional)
    {
        SortedMap[] maps = Maps();
        using WriteBatch batch = _database.CreateBatch();
        bool holds = true;
        for (int i = isConditional ? _random.Next(1, 4) : 0; i > 0; i--) holds &= AddCondition(batch, maps, _random.Next(MapCount));
        var changed = new SortedDictionary<(int Map, int Key), Stored>(_model);
        for (int i = _random.Next(1, 6); i > 0; i--) AddOperation(batch, maps, changed);
        WriteOutcome outcome = _database.TryWrite(batch);
        Assert.True(outcome.IsCommitted == holds, Where);
        if (!holds) return;
        foreach ((int, int) place in changed.Keys.ToArray())
        {
            // Until now the place in the batch stood for the version.
            if (!_model.TryGetValue(place, out Stored before) || !ReferenceEquals(before.Value, changed[place].Value))
                changed[place] = changed[place] with { Version = outcome.GetVersion((int)changed[place].Version).Sequence };
        }

        _model = changed;
    }

    private bool AddCondition(WriteBatch batch, SortedMap[] maps, int map)
    {
        int key = _random.Next(KeyCount);
        bool isPresent = _model.TryGetValue((map, key), out Stored stored) && stored.IsThere(Now);
        bool isRight = _random.Next(5) > 0;
        switch (_random.Next(4))
        {
            case 0:
                batch.RequireAbsent(maps[map], KeyOf(key));
                return !isPresent;
            case 1:
                batch.RequirePresent(maps[map], KeyOf(key));
                return isPresent;
            case 2:
                ulong version = isPresent ? stored.Version : 0;
                batch.RequireVersion(maps[map], KeyOf(key), new EntryVersion(isRight ? version : version + 1));
                return isRight;
            default:
                byte[] value = isPresent ? [.. stored.Value] : [];
                if (isPresent && !isRight) value[^1]++;
                batch.RequireValue(maps[map], KeyOf(key), value);
                return isPresent && isRight;
        }
    }

    private void AddOperation(WriteBatch batch, SortedMap[] maps, SortedDictionary<(int Map, int Key), Stored> changed)
    {
        int map = _random.Next(MapCount);
        int key = _random.Next(KeyCount);
        byte[] value = DrawValue();
        ulong place = (ulong)batch.Count;
        switch (_random.Next(8))
        {
            case < 3:
                batch.Put(maps[map], KeyOf(key), value);
                changed[(map, key)] = new Stored(value, 0, place);
                break;
            case < 6:
                long expiry = Now + TimeSpan.FromMinutes(_random.Next(-200, 300)).Ticks / TimeSpan.TicksPerMillisecond;
                batch.PutUntil(maps[map], KeyOf(key), value, DateTimeOffset.FromUnixTimeMilliseconds(expiry));
                changed[(map, key)] = new Stored(value, expiry, place);
                break;
            case 6:
                batch.Delete(maps[map], KeyOf(key));
                changed.Remove((map, key));
                break;
            default:
                int end = _random.Next(key + 1, KeyCount + 1);
                batch.DeleteRange(maps[map], KeyOf(key), end == KeyCount ? [] : KeyOf(end));
                Remove(map, key, end, changed);
                break;
        }
    }

    private void Check(Moment moment)
    {
        for (int map = 0; map < MapCount; map++)
        {
            (int Key, Stored Stored)[] expected =
            [
                .. from pair in moment.Model
                   where pair.Key.Map == map && pair.Value.IsThere(moment.Time)
                   select (pair.Key.Key, pair.Value),
            ];
            CheckScan(moment, map, expected);
            CheckGets(moment, map, expected.ToDictionary(entry => entry.Key, entry => entry.Stored));
        }
    }

    private void CheckScan(Moment moment, int map, (int Key, Stored Stored)[] expected)
    {
        using Cursor cursor = moment.Maps[map].CreateCursor(moment.Snapshot);
        int next = 0;
        for (bool isOn = cursor.SeekToFirst(); isOn; isOn = cursor.Next()) CheckEntry(cursor, expected, next++);
        Assert.True(next == expected.Length, $"{Where}: forward {next} of {expected.Length} in map {map}");
        for (bool isOn = cursor.SeekToLast(); isOn; isOn = cursor.Previous()) CheckEntry(cursor, expected, --next);
        Assert.True(next == 0, $"{Where}: backward {next} missing in map {map}");
    }

    private void CheckEntry(Cursor cursor, (int Key, Stored Stored)[] expected, int index)
    {
        Assert.True((uint)index < (uint)expected.Length, $"{Where}: entry {index} of {expected.Length}");
        (int key, Stored stored) = expected[index];
        Assert.True(cursor.Key.SequenceEqual(KeyOf(key)) && cursor.Value.SequenceEqual(stored.Value), $"{Where}: key {key}");
        Assert.True(cursor.Version.Sequence == stored.Version, $"{Where}: key {key} is {cursor.Version.Sequence}, not {stored.Version}");
        Assert.True((cursor.Expiry?.ToUnixTimeMilliseconds() ?? 0) == stored.Expiry, $"{Where}: expiry of key {key}");
    }

    private void CheckGets(Moment moment, int map, Dictionary<int, Stored> expected)
    {
        using MultiGet gets = _database.CreateMultiGet();
        for (int key = 0; key < KeyCount; key++) gets.Add(moment.Maps[map], KeyOf(key));
        gets.Run(moment.Snapshot);
        for (int key = 0; key < KeyCount; key++)
        {
            bool isThere = expected.TryGetValue(key, out Stored stored);
            byte[] wanted = isThere ? stored.Value : [];
            using ValueLease lease = moment.Maps[map].Lease(KeyOf(key), moment.Snapshot);
            bool isRight = lease.IsFound == isThere && lease.Value.SequenceEqual(wanted)
                && gets.TryGetValue(key, out ReadOnlySpan<byte> value) == isThere && value.SequenceEqual(wanted)
                && moment.Maps[map].TryGet(KeyOf(key), [], out _, out EntryVersion version, moment.Snapshot) == isThere
                && version.Sequence == stored.Version;
            Assert.True(isRight, $"{Where}: key {key} of map {map}, at a snapshot: {moment.Snapshot is not null}");
        }
    }

    private static void Remove(int map, int start, int end, SortedDictionary<(int Map, int Key), Stored> model)
    {
        for (int key = start; key < end; key++) model.Remove((map, key));
    }

    /// <summary>In order; the empty key and one of the greatest length among them.</summary>
    private static byte[] KeyOf(int number)
    {
        if (number == 0) return [];
        byte[] key = new byte[number == KeyCount - 1 ? Limits.KeyBytesMax : 1 + number % 3];
        Array.Fill(key, (byte)0xFF);
        key[0] = (byte)(number == KeyCount - 1 ? 0xFF : number * 10);
        return key;
    }

    private byte[] DrawValue()
    {
        byte[] value = new byte[_random.Next(8) switch { 0 => 17_000, 1 => 600, _ => _random.Next(1, 40) }];
        _random.NextBytes(value);
        return value;
    }

    private readonly record struct Stored(byte[] Value, long Expiry, ulong Version)
    {
        public bool IsThere(long time) => Expiry == 0 || Expiry > time;
    }

    /// <summary>A snapshot, or now (null), with what is to be seen then.</summary>
    private sealed record Moment(Snapshot? Snapshot, SortedMap[] Maps, SortedDictionary<(int Map, int Key), Stored> Model, long Time);
}
