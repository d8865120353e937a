using System.Text;
using System.Text.Unicode;
using Varve.Bytes;
using Varve.Entries;
using Varve.Reading;

namespace Varve.Catalog;

/// <summary>
/// The names of the maps and their ids. On disk they are the entries of map 0, name (UTF-8) to id (varint); each is written by the
/// first batch that uses the map. A map that was only asked for has an id in memory, which nobody sees and the next open may give
/// to another name. Safe for concurrent use.
/// </summary>
internal sealed class MapCatalog
{
    private readonly Lock _namesGuard = new();
    private readonly Dictionary<string, MapIdentity> _byName = new(StringComparer.Ordinal);
    private ulong _nextId = 1;

    /// <summary>Map 0 itself.</summary>
    public static MapIdentity Root { get; } = new(0, "", isRecorded: true);

    /// <summary>Reads the names that are recorded in a view.</summary>
    /// <param name="view">Pinned by the caller.</param>
    /// <param name="sequence">The sequence to read at.</param>
    /// <param name="directory">Named in the error when a record cannot be right.</param>
    public static MapCatalog Load(ReadView view, ulong sequence, string directory)
    {
        var catalog = new MapCatalog();
        var ids = new HashSet<ulong>();
        using VisibleCursor cursor = ScanSources.Open(view, new ReadMoment(sequence, milliseconds: 0), new ScanBounds(Root.Prefix, Root.Prefix, Root.PrefixEnd));
        for (cursor.SeekToFirst(); cursor.IsValid; cursor.Next())
        {
            ReadOnlySpan<byte> name = cursor.Key[Root.Prefix.Length..];
            if (!Utf8.IsValid(name))
            {
                throw new CorruptDataException(directory, 0, $"the catalogue's map name {Convert.ToHexString(name)} is no UTF-8");
            }

            // The highest number is none: there would be no next one.
            bool isNumber = Varint.TryRead(cursor.Value, out ulong id, out int length) && length == cursor.Value.Length;
            if (!isNumber || id is 0 or ulong.MaxValue)
            {
                throw new CorruptDataException(
                    directory, 0, $"the catalogue's record of the map '{Encoding.UTF8.GetString(name)}' is no map id");
            }

            if (!ids.Add(id))
            {
                throw new CorruptDataException(
                    directory, 0, $"the catalogue gives the map '{Encoding.UTF8.GetString(name)}' the id {id} of another");
            }

            catalog.Add(new MapIdentity(id, Encoding.UTF8.GetString(name), isRecorded: true));
        }

        return catalog;
    }

    /// <summary>The map of that name; a new one gets the next id.</summary>
    public MapIdentity GetOrAdd(string name)
    {
        lock (_namesGuard)
        {
            if (!_byName.TryGetValue(name, out MapIdentity? map)) Add(map = new MapIdentity(_nextId, name, isRecorded: false));
            return map;
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
                if (map.IsRecorded) names.Add(map.Name);
            }
        }

        names.Sort(StringComparer.Ordinal);
        return names;
    }

    private void Add(MapIdentity map)
    {
        _byName.Add(map.Name, map);
        if (map.Id >= _nextId) _nextId = map.Id + 1;
    }
}
