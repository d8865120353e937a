using System.Text;
using Varve.Bytes;
using Varve.Catalog;
using Varve.Commit;
using Varve.Entries;

namespace Varve.Maintenance;

/// <summary>The catalogue as entries that come from everywhere give it: of each name the newest record counts.</summary>
internal sealed class SeenCatalog
{
    private readonly SortedDictionary<string, Record> _records = new(StringComparer.Ordinal);

    /// <summary>Takes an entry of a table; those of other maps are passed over.</summary>
    public void Take(ReadOnlySpan<byte> key, ulong trailer, ReadOnlySpan<byte> value)
    {
        ReadOnlySpan<byte> prefix = MapCatalog.Root.Prefix;
        if (!key.StartsWith(prefix)) return;
        string name = Convert.ToHexString(key[prefix.Length..]);
        if (_records.TryGetValue(name, out Record? known) && known.Trailer >= trailer) return;
        _records[name] = new Record(trailer, value.ToArray());
    }

    /// <summary>Takes all that another one has seen.</summary>
    public void Take(SeenCatalog other)
    {
        ReadOnlySpan<byte> prefix = MapCatalog.Root.Prefix;
        foreach ((string name, Record record) in other._records)
            Take([.. prefix, .. Convert.FromHexString(name)], record.Trailer, record.Value);
    }

    /// <summary>Takes a batch of the log.</summary>
    public void Take(ulong firstSequence, ReadOnlySpan<byte> payload)
    {
        var reader = new BatchReader(payload);
        for (ulong sequence = firstSequence; reader.TryNext(); sequence++)
        {
            if (reader.Kind is EntryKind.Value or EntryKind.Tombstone)
                Take(reader.Key, Trailer.Pack(sequence, reader.Kind), reader.Value);
        }
    }

    /// <summary>The ids of all maps that have a name, ascending.</summary>
    public List<ulong> GetIds()
    {
        var ids = new List<ulong>();
        foreach ((string name, Record record) in _records)
        {
            if (name.Length > 0 && record.FindId() is { } id) ids.Add(id);
        }

        ids.Sort();
        return ids;
    }

    /// <summary>The name of a map; null when no record gives it.</summary>
    public string? FindName(ulong mapId)
    {
        foreach ((string name, Record record) in _records)
        {
            if (name.Length > 0 && record.FindId() == mapId) return Encoding.UTF8.GetString(Convert.FromHexString(name));
        }

        return null;
    }

    /// <summary>What an open would refuse.</summary>
    public List<string> FindProblems()
    {
        var problems = new List<string>();
        var records = new CatalogRecords();
        foreach ((string name, Record record) in _records)
        {
            if (Trailer.IsTombstone(record.Trailer)) continue;
            if (records.Add(Convert.FromHexString(name), record.Value, out _) is { } problem) problems.Add(problem);
        }

        if (records.FindProblem() is { } wrong) problems.Add(wrong);
        return problems;
    }

    private sealed record Record(ulong Trailer, byte[] Value)
    {
        /// <summary>The id; null where the name is deleted, or the value is none.</summary>
        public ulong? FindId() =>
            !Entries.Trailer.IsTombstone(Trailer) && Varint.TryRead(Value, out ulong id, out _) ? id : null;
    }
}
