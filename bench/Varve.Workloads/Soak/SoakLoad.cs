using System.Buffers.Binary;

namespace Varve.Workloads.Soak;

/// <summary>Everyday operations drawn from a seed, on a map whose content is known: what reads give is held against it.</summary>
internal sealed class SoakLoad(Database database, int keyCount, int seed)
{
    private const int KeyBytes = 16;
    private const int ValueBytesMax = 400;
    private const int RangeKeys = 20;
    private const int BatchKeys = 10;
    private const int SnapshotOperations = 2_000;

    private readonly SortedMap _map = database.GetMap("soak");
    private readonly Random _random = new(seed);

    /// <summary>The version that each key has; 0: it is absent. None comes twice.</summary>
    private readonly int[] _versions = new int[keyCount];
    private readonly byte[] _key = new byte[KeyBytes];
    private readonly byte[] _end = new byte[KeyBytes];
    private readonly byte[] _value = new byte[ValueBytesMax];
    private readonly byte[] _wanted = new byte[ValueBytesMax];
    private int _lastVersion;
    private Snapshot? _snapshot;
    private int _snapshotKey;
    private int _snapshotVersion;
    private int _snapshotAge;

    public void Fill()
    {
        for (int number = 0; number < keyCount; number++) Put(number);
    }

    /// <exception cref="InvalidDataException">A read gave what is not there.</exception>
    public void Step()
    {
        int number = _random.Next(keyCount);
        switch (_random.Next(100))
        {
            case < 45:
                CheckGet(number, snapshot: null, _versions[number]);
                break;
            case < 75:
                Put(number);
                break;
            case < 83:
                _map.Delete(KeyOf(number, _key));
                _versions[number] = 0;
                break;
            case < 91:
                CheckScan(number, Direction.Ascending);
                break;
            case < 95:
                CheckScan(number, Direction.Descending);
                break;
            case < 98:
                WriteBatch(number);
                break;
            case < 99:
                DeleteRange(number);
                break;
            default:
                RenewSnapshot(number);
                break;
        }

        if (_snapshot is not null && ++_snapshotAge > SnapshotOperations) RenewSnapshot(number);
    }

    /// <summary>All that is there, both ways.</summary>
    public void CheckAll()
    {
        _snapshot?.Dispose();
        _snapshot = null;
        long present = _versions.LongCount(version => version != 0);
        long forward = 0;
        long backward = 0;
        foreach (Entry entry in _map.All()) forward += CheckEntry(entry);
        foreach (Entry entry in _map.All(Direction.Descending)) backward += CheckEntry(entry);
        if (forward != present || backward != present)
            throw new InvalidDataException($"{present:N0} entries are there, walks show {forward:N0} and {backward:N0}.");
    }

    private void Put(int number)
    {
        _versions[number] = ++_lastVersion;
        _map.Put(KeyOf(number, _key), ValueOf(number, _versions[number], _value));
    }

    private void WriteBatch(int first)
    {
        using WriteBatch batch = database.CreateBatch();
        for (int number = first; number < Math.Min(first + BatchKeys, keyCount); number++)
        {
            _versions[number] = ++_lastVersion;
            batch.Put(_map, KeyOf(number, _key), ValueOf(number, _versions[number], _value));
        }

        database.Write(batch);
    }

    private void DeleteRange(int first)
    {
        int end = Math.Min(first + RangeKeys, keyCount);
        _map.DeleteRange(KeyOf(first, _key), KeyOf(end, _end));
        _versions.AsSpan(first, end - first).Clear();
    }

    private void RenewSnapshot(int number)
    {
        if (_snapshot is not null) CheckGet(_snapshotKey, _snapshot, _snapshotVersion);
        _snapshot?.Dispose();
        _snapshot = database.CreateSnapshot();
        (_snapshotKey, _snapshotVersion, _snapshotAge) = (number, _versions[number], 0);
    }

    private void CheckGet(int number, Snapshot? snapshot, int version)
    {
        bool isFound = _map.TryGet(KeyOf(number, _key), _value, out int length, snapshot);
        if (isFound != (version != 0) || (isFound && !IsValue(_value.AsSpan(0, length), number, version)))
            throw new InvalidDataException($"key {number} has version {version} (0: absent), a get shows something else.");
    }

    private void CheckScan(int first, Direction direction)
    {
        int end = Math.Min(first + RangeKeys, keyCount);
        int present = 0;
        foreach (int version in _versions.AsSpan(first, end - first)) present += version == 0 ? 0 : 1;
        int shown = 0;
        foreach (Entry entry in _map.Range(KeyOf(first, _key), KeyOf(end, _end), direction)) shown += CheckEntry(entry);
        if (shown != present)
            throw new InvalidDataException($"from key {first} on {present} of {end - first} are there, a scan shows {shown}.");
    }

    private int CheckEntry(Entry entry)
    {
        int number = (int)BinaryPrimitives.ReadInt64BigEndian(entry.Key);
        if (_versions[number] != 0 && IsValue(entry.Value, number, _versions[number])) return 1;
        throw new InvalidDataException($"a walk shows key {number} otherwise than as version {_versions[number]} (0: absent).");
    }

    private bool IsValue(ReadOnlySpan<byte> value, int number, int version) => value.SequenceEqual(ValueOf(number, version, _wanted));

    private static ReadOnlySpan<byte> KeyOf(int number, byte[] key)
    {
        BinaryPrimitives.WriteInt64BigEndian(key, number);
        return key;
    }

    /// <summary>A function of both numbers, of 1 to 400 bytes.</summary>
    private static ReadOnlySpan<byte> ValueOf(int number, int version, byte[] value)
    {
        uint hash = (uint)((((ulong)(uint)number << 32 | (uint)version) * 0x9E3779B97F4A7C15) >> 32);
        Span<byte> content = value.AsSpan(0, (int)(hash % ValueBytesMax) + 1);
        for (int i = 0; i < content.Length; i++) content[i] = (byte)(hash >> (i % 4 * 8));
        return content;
    }
}
