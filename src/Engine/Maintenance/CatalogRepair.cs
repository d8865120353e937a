using System.Globalization;
using System.Text;
using Varve.Bytes;
using Varve.Catalog;
using Varve.Entries;
using Varve.Levels;
using Varve.Memory;
using Varve.Reading;
using Varve.Tables;

namespace Varve.Maintenance;

/// <summary>
/// Makes the catalogue one that an open accepts: records that are none are deleted, and maps that have entries but no name get one. The
/// changes are a small table of their own on level 0, newer than everything else.
/// </summary>
internal sealed class CatalogRepair(RepairWork work)
{
    private readonly SortedDictionary<string, byte[]?> _changes = new(StringComparer.Ordinal);

    /// <summary>Names given to maps that had none.</summary>
    public List<string> RenamedMaps { get; } = [];

    /// <summary>The table with the changes; null when there are none. Nothing is written in a dry run.</summary>
    /// <param name="tables">All tables of the repaired database, readable everywhere.</param>
    /// <param name="lastSequence">The highest sequence so far; raised by the changes.</param>
    public RepairTable? Run(List<RepairTable> tables, ref ulong lastSequence)
    {
        LevelMap levels = MakeLevels(tables);
        var active = new MemTable(work.Pool, work.Options.MemtableBytes);
        var view = new ReadView(active, [], levels);
        try
        {
            Check(view);
        }
        finally
        {
            view.Close();
            active.Release();
            levels.Release();
        }

        return _changes.Count == 0 || work.IsDryRun ? null : new RepairTable(Write(ref lastSequence), Level: 0);
    }

    private LevelMap MakeLevels(List<RepairTable> tables)
    {
        var edit = new LevelEdit();
        foreach (RepairTable table in tables) edit.Add(table.Level ?? 0, table.Info);
        LevelMap empty = LevelMap.CreateEmpty();
        LevelMap levels = empty.Apply(edit, work.Tables.Make);
        empty.Release();
        return levels;
    }

    private void Check(ReadView view)
    {
        var records = new CatalogRecords();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var ids = new HashSet<ulong>();
        MapIdentity root = MapCatalog.Root;
        using (VisibleCursor cursor = Open(view, root.Prefix, root.PrefixEnd))
        {
            for (cursor.SeekToFirst(); cursor.IsValid; cursor.Next())
            {
                ReadOnlySpan<byte> name = cursor.Key[root.Prefix.Length..];
                if (records.Add(name, cursor.Value, out ulong id) is { } problem)
                {
                    _changes[Convert.ToHexString(name)] = null;
                    work.Risks.Add($"A record was taken out of the catalogue: {problem}.");
                    continue;
                }

                if (name.IsEmpty) continue;
                names.Add(Encoding.UTF8.GetString(name));
                ids.Add(id);
            }
        }

        bool isNextWrong = records.FindProblem() is not null;
        ulong next = records.NextId;
        foreach (ulong id in FindMapsWithEntries(view))
        {
            next = Math.Max(next, id + 1);
            if (ids.Contains(id)) continue;
            string name = NameFor(id, names);
            RenamedMaps.Add(name);
            Set(Encoding.UTF8.GetBytes(name), id);
        }

        if (isNextWrong || next > records.NextId) Set([], next);
    }

    private static string NameFor(ulong id, HashSet<string> names)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"recovered-map-{id}");
        while (!names.Add(name)) name += "x";
        return name;
    }

    private void Set(byte[] name, ulong id)
    {
        byte[] value = new byte[Varint.BytesMax];
        _changes[Convert.ToHexString(name)] = value[..Varint.Write(value, id)];
    }

    /// <summary>One step for each map: from an entry of it to behind its last key.</summary>
    private static List<ulong> FindMapsWithEntries(ReadView view)
    {
        var found = new List<ulong>();
        using VisibleCursor cursor = Open(view, MapCatalog.Root.PrefixEnd, upper: null);
        cursor.SeekToFirst();
        while (cursor.IsValid)
        {
            if (!OrderedVarint.TryRead(cursor.Key, out ulong id, out _) || id == ulong.MaxValue) break;
            found.Add(id);
            byte[] behind = new MapIdentity(id, "", isRecorded: true).PrefixEnd;
            if (behind.Length == 0) break;
            cursor.Seek(behind);
        }

        return found;
    }

    private static VisibleCursor Open(ReadView view, byte[] lower, byte[]? upper) =>
        ScanSources.Open(view, new ReadMoment(Trailer.SequenceMax, milliseconds: 0), new ScanBounds([], lower, upper));

    private TableInfo Write(ref ulong lastSequence)
    {
        using TableWriter writer = work.Tables.CreateWriter(work.Numbers.Take(), TableFormatOptions.Default, direct: false);
        foreach ((string name, byte[]? value) in _changes)
        {
            byte[] key = [.. MapCatalog.Root.Prefix, .. Convert.FromHexString(name)];
            lastSequence++;
            if (value is null) writer.Add(key, Trailer.Pack(lastSequence, EntryKind.Tombstone), []);
            else writer.Add(key, Trailer.Pack(lastSequence, EntryKind.Value), value);
        }

        return writer.Finish();
    }
}
