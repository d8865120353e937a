using System.Text;
using System.Text.Unicode;
using Varve.Bytes;

namespace Varve.Catalog;

/// <summary>What the records of the catalogue must be, each by itself and all together. Given all of them, in any order.</summary>
internal sealed class CatalogRecords
{
    private readonly HashSet<ulong> _ids = [];
    private ulong _idMax;
    private ulong? _nextId;

    /// <summary>Above the id of every map that was ever recorded.</summary>
    public ulong NextId => Math.Max(_nextId ?? 1, _idMax + 1);

    /// <summary>Takes a record; what is wrong with it, or null.</summary>
    /// <param name="name">The name; empty: the record of the next id.</param>
    /// <param name="value">The id as it is stored.</param>
    /// <param name="id">The id; 0 where that cannot be read.</param>
    public string? Add(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, out ulong id)
    {
        id = 0;
        if (!Utf8.IsValid(name)) return $"the catalogue's map name {Convert.ToHexString(name)} is no UTF-8";

        // The highest number is none: there would be no next one.
        bool isNumber = Varint.TryRead(value, out ulong read, out int length) && length == value.Length;
        if (!isNumber || read is 0 or ulong.MaxValue)
            return $"the catalogue's record of the map '{Encoding.UTF8.GetString(name)}' is no map id";
        id = read;
        if (name.IsEmpty)
        {
            _nextId = id;
            return null;
        }

        if (!_ids.Add(id)) return $"the catalogue gives the map '{Encoding.UTF8.GetString(name)}' the id {id} of another";
        _idMax = Math.Max(_idMax, id);
        return null;
    }

    /// <summary>What is wrong with all of them together, or null.</summary>
    public string? FindProblem() =>
        _nextId is { } next && next <= _idMax ? $"the catalogue says that no map has the id {next} or a higher one" : null;
}
