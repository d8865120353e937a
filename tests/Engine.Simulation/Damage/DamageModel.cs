using System.Collections.Immutable;

namespace Varve.Simulation;

/// <summary>What all maps hold after a commit. Immutable; each commit shares most of it with the one before.</summary>
internal sealed class DamageState
{
    private static readonly Comparer<byte[]> KeyOrder = Comparer<byte[]>.Create((left, right) => left.AsSpan().SequenceCompareTo(right));

    private static readonly ImmutableSortedDictionary<byte[], byte[]> EmptyMap = ImmutableSortedDictionary.Create<byte[], byte[]>(KeyOrder);

    private readonly ImmutableSortedDictionary<string, ImmutableSortedDictionary<byte[], byte[]>> _maps;
    private readonly Dictionary<string, List<HistoryEntry>> _lists = new(StringComparer.Ordinal);

    private DamageState(ImmutableSortedDictionary<string, ImmutableSortedDictionary<byte[], byte[]>> maps) => _maps = maps;

    public static DamageState Empty { get; } =
        new(ImmutableSortedDictionary.Create<string, ImmutableSortedDictionary<byte[], byte[]>>(StringComparer.Ordinal));

    public IEnumerable<string> Names => _maps.Keys;

    /// <summary>The entries of a map in the order of keys.</summary>
    public List<HistoryEntry> Entries(string name)
    {
        lock (_lists)
        {
            if (!_lists.TryGetValue(name, out List<HistoryEntry>? list))
                _lists.Add(name, list = [.. _maps[name].Select(entry => new HistoryEntry(entry.Key, entry.Value, Expiry: 0, Version: 0))]);
            return list;
        }
    }

    public byte[]? Find(string name, byte[] key) =>
        _maps.TryGetValue(name, out ImmutableSortedDictionary<byte[], byte[]>? map) ? map.GetValueOrDefault(key) : null;

    public DamageState Put(string name, byte[] key, byte[] value) => new(_maps.SetItem(name, MapOf(name).SetItem(key, value)));

    /// <summary>Makes the map, too: a write to it records its name, whatever is written.</summary>
    public DamageState Delete(string name, byte[] key) => new(_maps.SetItem(name, MapOf(name).Remove(key)));

    /// <param name="name">The map.</param>
    /// <param name="start">The first key that goes.</param>
    /// <param name="end">The first key behind those that go.</param>
    public DamageState DeleteRange(string name, byte[] start, byte[] end)
    {
        IEnumerable<byte[]> gone = MapOf(name).Keys.Where(key => KeyOrder.Compare(key, start) >= 0 && KeyOrder.Compare(key, end) < 0);
        return new(_maps.SetItem(name, MapOf(name).RemoveRange(gone)));
    }

    public DamageState Drop(string name) => new(_maps.Remove(name));

    private ImmutableSortedDictionary<byte[], byte[]> MapOf(string name) => _maps.GetValueOrDefault(name, EmptyMap);
}

/// <summary>One batch of an image, or one ingest.</summary>
/// <param name="Sequence">Its last sequence.</param>
/// <param name="After">What reads show once it is there and nothing behind it.</param>
/// <param name="Changes">What the feed must show of it.</param>
internal sealed record DamageCommit(ulong Sequence, DamageState After, IReadOnlyList<ExpectedChange> Changes);
