using System.Buffers.Binary;
using System.Text;
using Varve.Bytes;
using Varve.Commit;
using Varve.Entries;

namespace Varve.Feed;

/// <summary>
/// Takes the fragments of one record after the other and makes changes of them as soon as their operations are whole
/// (docs/formats/batch.md). What the catalogue's records say becomes names and drops. Never throws, never trusts a length. One thread at a
/// time.
/// </summary>
internal sealed class BatchDecoder(MapNames names)
{
    private const ulong CatalogueId = 0;
    private const int ExpiryBytes = sizeof(ulong);

    /// <summary>The last millisecond of the year 9999.</summary>
    private const ulong ExpiryMillisecondsMax = 253_402_300_799_999;

    private readonly List<DecodedChange> _changes = [];
    private byte[] _bytes = [];
    private int _length;
    private int _decoded;
    private Neighbour _neighbour;

    /// <summary>The name, while the operation before is a <see cref="Neighbour.Drop"/>.</summary>
    private byte[] _dropped = [];

    /// <summary>What the operation before says of the one at hand: a drop is two operations, in either order.</summary>
    private enum Neighbour
    {
        None,

        /// <summary>All keys of the map were deleted: the last change.</summary>
        WholeMap,

        /// <summary>A map's name was taken from the catalogue.</summary>
        Drop,
    }

    /// <summary>Changes that have been made of whole operations and not been taken away.</summary>
    public int Count => _changes.Count;

    /// <summary>Bytes held, those of operations that are not whole among them.</summary>
    public int Bytes => _length;

    /// <summary>Bytes of operations that are whole and not been taken away.</summary>
    public int DecodedBytes => _decoded;

    /// <summary>True when no operation is left half.</summary>
    public bool IsWhole => _decoded == _length;

    /// <summary>Operations decoded since the record's beginning.</summary>
    public long OperationCount { get; private set; }

    /// <summary>A record begins.</summary>
    public void Begin()
    {
        Forget();
        _neighbour = Neighbour.None;
        OperationCount = 0;
    }

    /// <summary>Takes the record's next bytes. False when they are no operations.</summary>
    public bool TryTake(ReadOnlySpan<byte> payload)
    {
        Append(payload);
        ReadOnlySpan<byte> whole = _bytes.AsSpan(0, _length);
        var reader = new BatchReader(whole[_decoded..]);
        while (reader.TryNext())
        {
            if (!TryDecode(reader.Kind, PlaceOf(whole, reader.Key), PlaceOf(whole, reader.Value))) return false;
            OperationCount++;
            _decoded = _length - reader.RestBytes;
        }

        return true;
    }

    /// <summary>
    /// Hands the changes over with the memory in which they stand, and goes on with what is left. Null when a map has no name.
    /// </summary>
    public Change[]? TakeChanges(ulong position)
    {
        var taken = new Change[_changes.Count];
        for (int i = 0; i < taken.Length; i++)
        {
            DecodedChange change = _changes[i];
            if ((change.MapName ?? names.Find(change.MapId, position)) is not { } name) return null;
            taken[i] = new Change(
                change.Kind, name, MemoryAt(change.Key), MemoryAt(change.EndKey), MemoryAt(change.Value), change.ExpiryMilliseconds);
        }

        byte[] rest = _bytes[_decoded.._length];

        // What was said of the last change is said of none that is still here.
        if (_neighbour == Neighbour.WholeMap) _neighbour = Neighbour.None;
        Forget();
        (_bytes, _length) = (rest, rest.Length);
        return taken;
    }

    private bool TryDecode(EntryKind kind, Place key, Place value)
    {
        if (!OrderedVarint.TryRead(SpanAt(key), out ulong map, out int prefixBytes)) return false;
        Place userKey = key.Behind(prefixBytes);
        if (map == CatalogueId) return TryDecodeCatalogue(kind, userKey, value);

        Neighbour before = _neighbour;
        _neighbour = Neighbour.None;
        switch (kind)
        {
            case EntryKind.Tombstone:
                _changes.Add(new DecodedChange(ChangeKind.Delete, map, userKey));
                return true;
            case EntryKind.Value:
                _changes.Add(new DecodedChange(ChangeKind.Put, map, userKey) { Value = value });
                return true;
            case EntryKind.Value | EntryKind.Expiring:
                return TryDecodeExpiring(map, userKey, value);
            case EntryKind.RangeTombstone:
                DecodeRange(map, key.Start(prefixBytes), userKey, value, before);
                return true;
            case EntryKind.Ingest:
                if (value.Bytes < prefixBytes) return false;
                _changes.Add(new DecodedChange(ChangeKind.Ingest, map, userKey) { EndKey = value.Behind(prefixBytes) });
                return true;
            default:
                return false;
        }
    }

    private bool TryDecodeExpiring(ulong map, Place userKey, Place value)
    {
        if (value.Bytes < ExpiryBytes) return false;
        ulong expiry = Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(SpanAt(value)), ExpiryMillisecondsMax);
        _changes.Add(new DecodedChange(ChangeKind.Put, map, userKey)
        {
            Value = value.Behind(ExpiryBytes),
            ExpiryMilliseconds = (long)expiry,
        });
        return true;
    }

    /// <summary>A range that ends in another map ends with its own.</summary>
    private void DecodeRange(ulong map, Place prefix, Place userKey, Place end, Neighbour before)
    {
        bool endsInMap = SpanAt(end).StartsWith(SpanAt(prefix));
        bool isWhole = userKey.Bytes == 0 && !endsInMap;
        if (isWhole && before == Neighbour.Drop)
        {
            names.Learn(map, _dropped);
            return;
        }

        Place endKey = endsInMap ? end.Behind(prefix.Bytes) : default;
        _changes.Add(new DecodedChange(ChangeKind.DeleteRange, map, userKey) { EndKey = endKey });
        if (isWhole) _neighbour = Neighbour.WholeMap;
    }

    /// <summary>The catalogue's records are no changes, but a name that goes is a dropped map.</summary>
    private bool TryDecodeCatalogue(EntryKind kind, Place name, Place value)
    {
        Neighbour before = _neighbour;
        _neighbour = Neighbour.None;

        // The entry without a name keeps the next id.
        if (name.Bytes == 0) return true;
        if (kind == EntryKind.Value)
        {
            if (!Varint.TryRead(SpanAt(value), out ulong id, out _)) return false;
            names.Learn(id, SpanAt(name));
            return true;
        }

        if (kind != EntryKind.Tombstone) return false;
        if (before == Neighbour.WholeMap)
        {
            names.Learn(_changes[^1].MapId, SpanAt(name));
            _changes.RemoveAt(_changes.Count - 1);
        }
        else
        {
            _neighbour = Neighbour.Drop;
            _dropped = SpanAt(name).ToArray();
        }

        _changes.Add(new DecodedChange(ChangeKind.DropMap, 0, default) { MapName = Encoding.UTF8.GetString(SpanAt(name)) });
        return true;
    }

    private void Append(ReadOnlySpan<byte> payload)
    {
        int needed = _length + payload.Length;
        if (needed > _bytes.Length)
        {
            // The whole of a small record, which is what most are, takes no byte more than it needs.
            int grown = _length == 0 ? needed : (int)Math.Min(Math.Max(needed, 2L * _bytes.Length), Array.MaxLength);
            Array.Resize(ref _bytes, grown);
        }

        payload.CopyTo(_bytes.AsSpan(_length));
        _length = needed;
    }

    private void Forget()
    {
        _changes.Clear();
        _bytes = [];
        _length = 0;
        _decoded = 0;
    }

    private ReadOnlySpan<byte> SpanAt(Place place) => _bytes.AsSpan(place.Offset, place.Bytes);

    private ReadOnlyMemory<byte> MemoryAt(Place place) => _bytes.AsMemory(place.Offset, place.Bytes);

    /// <summary>Where a part stands in the whole: the bytes move while more of the record comes.</summary>
    private static Place PlaceOf(ReadOnlySpan<byte> whole, ReadOnlySpan<byte> part) =>
        whole.Overlaps(part, out int offset) ? new Place(offset, part.Length) : default;

    private readonly record struct Place(int Offset, int Bytes)
    {
        public Place Behind(int bytes) => new(Offset + bytes, Bytes - bytes);

        public Place Start(int bytes) => this with { Bytes = bytes };
    }

    private readonly record struct DecodedChange(ChangeKind Kind, ulong MapId, Place Key)
    {
        public Place EndKey { get; init; }

        public Place Value { get; init; }

        public long ExpiryMilliseconds { get; init; }

        public string? MapName { get; init; }
    }
}
