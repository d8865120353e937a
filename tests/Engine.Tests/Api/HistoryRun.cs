using Varve.Native;
using Content = System.Collections.Immutable.ImmutableSortedDictionary<byte[], byte[]>;

namespace Varve.Tests.Api;

/// <summary>Plays a history on a database with one option set, and compares everything it answers with sorted dictionaries.</summary>
internal sealed class HistoryRun : IDisposable
{
    private const int FillCount = 60;
    private const int SnapshotCountMax = 4;
    private const int CursorCountMax = 3;

    private static readonly string[] MapNames = ["orders", "by date", "ünïcode 🙂"];
    private static readonly Content NoEntries = Content.Empty.WithComparers(HistoryKeys.Order, EqualityComparer<byte[]>.Default);

    private readonly OptionSet _options;
    private readonly RegionPool _pool;
    private readonly Content[] _model = [NoEntries, NoEntries, NoEntries];
    private readonly bool[] _isWritten = new bool[MapNames.Length];
    private readonly List<(Snapshot Snapshot, Content[] Model)> _snapshots = [];
    private readonly List<WalkedCursor> _cursors = [];
    private SimulatedDisk _disk = new();
    private Database _database;
    private ulong _lastSequence;

    private HistoryRun(OptionSet options, RegionPool pool)
    {
        _options = options;
        _pool = pool;
        _database = options.Open(_disk, pool);
    }

    public static void Play(IReadOnlyList<HistoryOperation> history, OptionSet options, RegionPool pool)
    {
        using var run = new HistoryRun(options, pool);
        for (int step = 0; step < history.Count; step++)
        {
            try
            {
                run.Do(history[step]);
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException(
                    $"Options '{options}', step {step} of {history.Count}, {history[step]}: {failure}", failure);
            }
        }

        run.CheckAll();
        Assert.True(run._database.Verify().IsSound);
    }

    public void Dispose()
    {
        DropReaders();
        _database.Dispose();
    }

    private void Do(HistoryOperation operation)
    {
        var random = new Random(operation.Seed);
        int map = random.Next(MapNames.Length);
        switch (operation.Action)
        {
            case HistoryAction.Put:
                Put(map, HistoryKeys.Key(random), HistoryKeys.Value(random));
                break;
            case HistoryAction.Delete:
                Delete(map, HistoryKeys.Key(random));
                break;
            case HistoryAction.Batch:
                WriteBatch(random);
                break;
            case HistoryAction.DeleteRange:
                DeleteRange(map, random);
                break;
            case HistoryAction.DropMap:
                DropMap(map);
                break;
            case HistoryAction.Fill:
                for (int i = 0; i < FillCount; i++)
                {
                    if (random.Next(6) == 0) Delete(map, HistoryKeys.Key(random));
                    else Put(map, HistoryKeys.Key(random), HistoryKeys.Value(random));
                }

                break;
            case HistoryAction.Get:
                for (int i = 0; i < 20; i++) CheckGet(map, HistoryKeys.Key(random), _model[map], snapshot: null);
                break;
            case HistoryAction.Scan:
                CheckScan(map, _model[map], snapshot: null);
                MapReader.CheckPages(Map(map), _model[map], snapshot: null, random).GetAwaiter().GetResult();
                break;
            case HistoryAction.Range:
                MapReader.CheckRange(Map(map), _model[map], snapshot: null, random);
                break;
            case HistoryAction.Walk:
                Walk(map, _model[map], snapshot: null, random);
                break;
            case HistoryAction.HoldCursor:
                if (_cursors.Count < CursorCountMax) _cursors.Add(new WalkedCursor(Map(map), _model[map], snapshot: null));
                break;
            case HistoryAction.MoveCursors:
                foreach (WalkedCursor cursor in _cursors) cursor.Walk(random, steps: 10);
                break;
            case HistoryAction.DropCursor:
                DropCursor(random);
                break;
            case HistoryAction.TakeSnapshot:
                if (_snapshots.Count < SnapshotCountMax) _snapshots.Add((_database.CreateSnapshot(), [.. _model]));
                break;
            case HistoryAction.ReadSnapshot:
                ReadSnapshot(map, random);
                break;
            case HistoryAction.DropSnapshot:
                DropSnapshot(random);
                break;
            case HistoryAction.Sync:
                _database.Sync();
                Assert.Equal(_database.LatestSequence, _database.DurableSequence);
                break;
            case HistoryAction.Flush:
                _database.Flush();
                break;
            case HistoryAction.Compact:
                _database.Compact();
                break;
            case HistoryAction.WaitForUpkeep:
                _database.WaitForUpkeep();
                break;
            case HistoryAction.Reopen:
                DropReaders();
                _database.Close();
                Open();
                break;
            case HistoryAction.Kill:
                Kill();
                break;
            default:
                throw new InvalidOperationException($"No such action: {operation.Action}.");
        }
    }

    private SortedMap Map(int map) => _database.GetMap(MapNames[map]);

    /// <summary>The map as the snapshot knows it: it may have been dropped since.</summary>
    private SortedMap Map(int map, Snapshot? snapshot) => snapshot?.GetMap(MapNames[map]) ?? Map(map);

    private void Put(int map, byte[] key, byte[] value)
    {
        Advance(Map(map).Put(key, value), 1, map);
        _model[map] = _model[map].SetItem(key, value);
    }

    private void Delete(int map, byte[] key)
    {
        Advance(Map(map).Delete(key), 1, map);
        _model[map] = _model[map].Remove(key);
    }

    private void DeleteRange(int map, Random random)
    {
        byte[] start = HistoryKeys.Key(random);
        byte[] end = HistoryKeys.Key(random);
        if (HistoryKeys.Order.Compare(start, end) > 0) (start, end) = (end, start);
        switch (random.Next(4))
        {
            case 0:
                Advance(Map(map).DeletePrefix(start), 1, map);
                _model[map] = Without(map, key => key.AsSpan().StartsWith(start));
                break;
            case 1:
                Advance(Map(map).DeleteRange(start, []), 1, map);
                _model[map] = Without(map, key => HistoryKeys.Order.Compare(key, start) >= 0);
                break;
            default:
                if (end.Length == 0) break;
                bool isEmpty = start.AsSpan().SequenceEqual(end);
                ulong sequence = Map(map).DeleteRange(start, end);
                if (isEmpty) Assert.Equal(_lastSequence, sequence);
                else Advance(sequence, 1, map);
                _model[map] = Without(map, key => HistoryKeys.Order.Compare(key, start) >= 0 && HistoryKeys.Order.Compare(key, end) < 0);
                break;
        }
    }

    private Content Without(int map, Func<byte[], bool> isDeleted) => _model[map].RemoveRange(_model[map].Keys.Where(isDeleted));

    private void DropMap(int map)
    {
        SortedMap before = Map(map);
        Assert.Equal(_isWritten[map], _database.DropMap(MapNames[map]));
        if (!_isWritten[map]) return;
        _lastSequence += 2;
        Assert.Equal(_lastSequence, _database.LatestSequence);
        _isWritten[map] = false;
        _model[map] = NoEntries;
        Assert.Throws<MapDroppedException>(() => before.Put("key"u8, []));
        Assert.Equal(_lastSequence, _database.LatestSequence);
        Assert.Empty(before.Get([]) ?? []);
        Assert.NotSame(before, Map(map));
    }

    private void WriteBatch(Random random)
    {
        using WriteBatch batch = _database.CreateBatch();
        var written = new HashSet<int>();
        int count = random.Next(1, 40);
        for (int i = 0; i < count; i++)
        {
            int map = random.Next(MapNames.Length);
            byte[] key = HistoryKeys.Key(random);
            if (random.Next(10) == 0)
            {
                batch.DeletePrefix(Map(map), key);
                _model[map] = Without(map, other => other.AsSpan().StartsWith(key));
            }
            else if (random.Next(3) == 0)
            {
                batch.Delete(Map(map), key);
                _model[map] = _model[map].Remove(key);
            }
            else
            {
                byte[] value = HistoryKeys.Value(random);
                batch.Put(Map(map), key, value);
                _model[map] = _model[map].SetItem(key, value);
            }

            written.Add(map);
        }

        Advance(_database.Write(batch), count, [.. written]);
    }

    /// <summary>
    /// A write's sequence is behind the one before it by its operations, and by the names of maps that it is the first to use, with which
    /// it writes down the next map's id.
    /// </summary>
    private void Advance(ulong sequence, int operations, params ReadOnlySpan<int> maps)
    {
        int before = operations;
        foreach (int map in maps)
        {
            if (!_isWritten[map]) operations++;
            _isWritten[map] = true;
        }

        if (operations > before) operations++;

        Assert.Equal(_lastSequence + (ulong)operations, sequence);
        Assert.Equal(sequence, _database.LatestSequence);
        _lastSequence = sequence;
    }

    private void ReadSnapshot(int map, Random random)
    {
        if (_snapshots.Count == 0) return;
        (Snapshot snapshot, Content[] model) = _snapshots[random.Next(_snapshots.Count)];
        CheckScan(map, model[map], snapshot);
        MapReader.CheckRange(Map(map, snapshot), model[map], snapshot, random);
        Walk(map, model[map], snapshot, random);
        for (int i = 0; i < 10; i++) CheckGet(map, HistoryKeys.Key(random), model[map], snapshot);
    }

    private void DropSnapshot(Random random)
    {
        if (_snapshots.Count == 0) return;
        int dropped = random.Next(_snapshots.Count);
        _snapshots[dropped].Snapshot.Dispose();
        _snapshots.RemoveAt(dropped);
    }

    private void DropCursor(Random random)
    {
        if (_cursors.Count == 0) return;
        int dropped = random.Next(_cursors.Count);
        _cursors[dropped].Dispose();
        _cursors.RemoveAt(dropped);
    }

    private void DropReaders()
    {
        foreach (WalkedCursor cursor in _cursors) cursor.Dispose();
        _cursors.Clear();
        foreach ((Snapshot snapshot, _) in _snapshots) snapshot.Dispose();
        _snapshots.Clear();
    }

    private void Open()
    {
        _database = _options.Open(_disk, _pool);
        Assert.True(_database.LatestSequence >= _lastSequence, "sequences went back");
        _lastSequence = _database.LatestSequence;
        CheckAll();
    }

    /// <summary>The process dies; what it wrote without a sync lives on in the system.</summary>
    private void Kill()
    {
        DropReaders();
        SimulatedDisk survivor = _disk.Crash(CrashMode.KeepAll);
        _database.Dispose();
        _disk = survivor;
        Open();
    }

    private void CheckAll()
    {
        string[] written = [.. MapNames.Where((_, map) => _isWritten[map]).Order(StringComparer.Ordinal)];
        Assert.Equal(written, _database.ListMaps());
        for (int map = 0; map < MapNames.Length; map++) CheckScan(map, _model[map], snapshot: null);
        foreach ((Snapshot snapshot, Content[] model) in _snapshots) CheckScan(0, model[0], snapshot);
    }

    private void CheckScan(int map, Content model, Snapshot? snapshot)
    {
        MapReader.CheckScans(Map(map, snapshot), model, snapshot);
        foreach (byte[] key in model.Keys) CheckGet(map, key, model, snapshot);
    }

    private void Walk(int map, Content model, Snapshot? snapshot, Random random)
    {
        using var cursor = new WalkedCursor(Map(map, snapshot), model, snapshot);
        cursor.Walk(random, steps: 60);
    }

    private void CheckGet(int map, byte[] key, Content model, Snapshot? snapshot) =>
        MapReader.CheckGet(Map(map, snapshot), key, model, snapshot);
}
