using Varve.Entries;
using Varve.Memory;

namespace Varve.Tests.Memory;

/// <summary>An entry as a test compares it.</summary>
internal sealed record ModelEntry(byte[] Key, ulong Trailer, byte[] Value);

/// <summary>What a memtable should hold, kept the obvious way: a sorted dictionary from key to versions, newest first.</summary>
internal sealed class MemTableModel
{
    public static readonly IComparer<byte[]> KeyOrder =
        Comparer<byte[]>.Create((left, right) => left.AsSpan().SequenceCompareTo(right));

    private readonly SortedDictionary<byte[], List<ModelEntry>> _versionsByKey = new(KeyOrder);
    private int _inserted;

    public IEnumerable<byte[]> Keys => _versionsByKey.Keys;

    public void Insert(byte[] key, ulong trailer, byte[] value)
    {
        if (!_versionsByKey.TryGetValue(key, out List<ModelEntry>? versions)) _versionsByKey.Add(key, versions = []);
        versions.Insert(0, new ModelEntry(key, trailer, value));
    }

    public ModelEntry? Find(byte[] key, ulong sequence) =>
        _versionsByKey.GetValueOrDefault(key)?.Find(entry => Trailer.Sequence(entry.Trailer) <= sequence);

    public List<ModelEntry> AsOf(ulong sequence) => [.. Keys.Select(key => Find(key, sequence)).OfType<ModelEntry>()];

    public List<ModelEntry> AllVersions() => [.. _versionsByKey.Values.SelectMany(versions => versions)];

    /// <summary>Inserts the same entry into both; into the table in one step and in two by turns.</summary>
    public void InsertBoth(MemTable table, byte[] key, ulong trailer, byte[] value)
    {
        Insert(key, trailer, value);
        if ((_inserted++ & 1) == 0) table.Insert(key, trailer, value);
        else table.Insert(table.Approach(key), key, trailer, value);
    }
}
