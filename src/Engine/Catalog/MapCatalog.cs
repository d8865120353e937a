using System.Text;
using Varve.Bytes;
using Varve.Entries;
using Varve.Reading;

namespace Varve.Catalog;

/// <summary>
/// The names of the maps and their ids. On disk they are the entries of map 0, name (UTF-8) to id (varint); each is written by the
/// first batch that uses the map, and with it, under the empty name, an id above all that were ever used. A map that was only asked
/// for has an id in memory, which nobody sees and the next open may give to another name. Safe for concurrent use.
/// </summary>
internal sealed class MapCatalog
{
    private readonly Lock _namesGuard = new();
    private readonly Dictionary<string, MapIdentity> _byName = new(StringComparer.Ordinal);

    /// <summary>Dropped maps whose names are given again, as long as their drops stand in no file that must survive a power cut.</summary>
    private readonly List<MapIdentity> _replaced = [];
    private ulong _nextId = 1;

    /// <summary>Above the id of every map that was ever recorded, dropped ones included, when the catalogue was loaded.</summary>
    public ulong NextRecordedId { get; private set; } = 1;

    /// <summary>Map 0 itself.</summary>
    public static MapIdentity Root { get; } = new(0, "", isRecorded: true);

    /// <summary>Reads the names that are recorded in a view.</summary>
    /// <param name="view">Pinned by the caller.</param>
    /// <param name="sequence">The sequence to read at.</param>
    /// <param name="directory">Named in the error when a record cannot be right.</param>
    public static MapCatalog Load(ReadView view, ulong sequence, string directory)
    {
        var catalog = new MapCatalog();
        var records = new CatalogRecords();
        var bounds = new ScanBounds(Root.Prefix, Root.Prefix, Root.PrefixEnd);
        using VisibleCursor cursor = ScanSources.Open(view, new ReadMoment(sequence, milliseconds: 0), bounds);
        for (cursor.SeekToFirst(); cursor.IsValid; cursor.Next())
        {
            ReadOnlySpan<byte> name = cursor.Key[Root.Prefix.Length..];
            if (records.Add(name, cursor.Value, out ulong id) is { } problem) throw new CorruptDataException(directory, 0, problem);
            if (!name.IsEmpty) catalog.Add(new MapIdentity(id, Encoding.UTF8.GetString(name), isRecorded: true));
        }

        if (records.FindProblem() is { } wrong) throw new CorruptDataException(directory, 0, wrong);
        catalog._nextId = catalog.NextRecordedId = records.NextId;
        return catalog;
    }

    /// <summary>The map that had the name in a view at a sequence; null when there was none.</summary>
    /// <param name="view">Pinned by the caller.</param>
    /// <param name="sequence">The sequence to read at.</param>
    /// <param name="name">The map's name.</param>
    public MapIdentity? FindAt(ReadView view, ulong sequence, string name)
    {
        using var key = new FullKey(Root, Encoding.UTF8.GetBytes(name), stackalloc byte[FullKey.StackBytes]);
        if (!PointLookup.TryFind(view, key.Span, sequence, out FoundEntry found)) return null;
        Span<byte> value = stackalloc byte[Varint.BytesMax];
        try
        {
            // Checked when the store was opened, or written since.
            if (found.IsAbsent(new ReadMoment(sequence, milliseconds: 0)) || found.Length > value.Length) return null;
            found.CopyTo(value);
        }
        finally
        {
            found.Dispose();
        }

        if (!Varint.TryRead(value, out ulong id, out _)) return null;
        lock (_namesGuard)
        {
            if (_byName.TryGetValue(name, out MapIdentity? map) && map.Id == id) return map;
        }

        // Dropped since the snapshot, and perhaps made anew.
        var dropped = new MapIdentity(id, name, isRecorded: true);
        dropped.MarkDropped(Trailer.SequenceMax);
        return dropped;
    }

    /// <summary>The names that were recorded in a view at a sequence, in ordinal order.</summary>
    /// <param name="view">Pinned by the caller.</param>
    /// <param name="sequence">The sequence to read at.</param>
    public static IReadOnlyList<string> ReadNamesAt(ReadView view, ulong sequence)
    {
        var names = new List<string>();
        var bounds = new ScanBounds(Root.Prefix, Root.Prefix, Root.PrefixEnd);
        using VisibleCursor cursor = ScanSources.Open(view, new ReadMoment(sequence, milliseconds: 0), bounds);
        for (cursor.SeekToFirst(); cursor.IsValid; cursor.Next())
        {
            ReadOnlySpan<byte> name = cursor.Key[Root.Prefix.Length..];
            if (!name.IsEmpty) names.Add(Encoding.UTF8.GetString(name));
        }

        names.Sort(StringComparer.Ordinal);
        return names;
    }

    /// <summary>The map of that name; a new one, also where the last of that name was dropped, gets the next id.</summary>
    /// <param name="name">The map's name.</param>
    /// <param name="syncedSequence">
    /// What the log says of drops up to it can be read there whatever fails: their names are not kept here for that. What is in tables is
    /// not enough: of a log that has failed nothing behind its last sync is read.
    /// </param>
    public MapIdentity GetOrAdd(string name, ulong syncedSequence = 0)
    {
        lock (_namesGuard)
        {
            if (_byName.TryGetValue(name, out MapIdentity? map))
            {
                if (!map.IsDropped) return map;
                _replaced.Add(map);
                _replaced.RemoveAll(replaced => replaced.DroppedSequence <= syncedSequence);
            }

            Add(map = new MapIdentity(_nextId, name, isRecorded: false));
            return map;
        }
    }

    /// <summary>The map of that name if something was written to it and it was not dropped.</summary>
    public MapIdentity? FindRecorded(string name)
    {
        lock (_namesGuard)
        {
            return _byName.TryGetValue(name, out MapIdentity? map) && map is { IsRecorded: true, IsDropped: false } ? map : null;
        }
    }

    /// <summary>The names that are recorded, in ordinal order.</summary>
    public IReadOnlyList<string> GetRecordedNames()
    {
        var names = new List<string>();
        lock (_namesGuard)
        {
            foreach (MapIdentity map in _byName.Values)
            {
                if (map.IsRecorded && !map.IsDropped) names.Add(map.Name);
            }
        }

        names.Sort(StringComparer.Ordinal);
        return names;
    }

    /// <summary>The name of a map by its id, also of one whose drop is not durable yet; null when there is none.</summary>
    public string? FindName(ulong id)
    {
        lock (_namesGuard)
        {
            if (_replaced.Find(map => map.Id == id) is { } replaced) return replaced.Name;
            foreach (MapIdentity map in _byName.Values)
            {
                if (map.Id == id) return map.Name;
            }
        }

        return null;
    }

    private void Add(MapIdentity map)
    {
        _byName[map.Name] = map;
        if (map.Id >= _nextId) _nextId = map.Id + 1;
    }
}
