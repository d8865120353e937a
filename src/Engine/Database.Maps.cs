using System.Text;
using Varve.Catalog;
using Varve.Commit;
using Varve.Entries;
using Varve.Reading;

namespace Varve;

// Maps by their names.
public sealed partial class Database
{
    /// <summary>The map of that name. Costs nothing: the map exists on disk from its first write.</summary>
    /// <param name="name">1 to 255 bytes of UTF-8; any characters.</param>
    /// <exception cref="ArgumentException">The name is empty, too long, or no valid text.</exception>
    public SortedMap GetMap(string name)
    {
        ThrowIfClosed();
        if (_maps.TryGetValue(name, out SortedMap? map) && !map.Identity.IsDropped) return map;
        CheckMapName(name);
        return _maps.AddOrUpdate(
            name,
            static (added, database) => database.MakeMap(added),
            static (added, known, database) => known.Identity.IsDropped ? database.MakeMap(added) : known,
            this);
    }

    private SortedMap MakeMap(string name) => new(this, _store.Catalog.GetOrAdd(name, _store.Log?.SyncedSequence ?? 0));

    /// <summary>The names of the maps that have been written to and not dropped, in ordinal order.</summary>
    public IReadOnlyList<string> ListMaps()
    {
        ThrowIfClosed();
        return _store.Catalog.GetRecordedNames();
    }

    /// <summary>
    /// Deletes a map: all its entries and its name, at once, whatever its size. The space comes back with compaction, whole files first.
    /// </summary>
    /// <param name="name">1 to 255 bytes of UTF-8.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>False when there is no map of that name: nothing was written.</returns>
    /// <remarks>
    /// Handles of the map show nothing from then on, and writes through them fail; snapshots and cursors taken before go on seeing it.
    /// <see cref="GetMap"/> gives a new, empty map of the name.
    /// </remarks>
    /// <exception cref="ArgumentException">The name is empty, too long, or no valid text.</exception>
    /// <exception cref="StorageException">The system refused before anything was written: the map is as it was.</exception>
    /// <exception cref="CommitOutcomeUnknownException">The log's sync failed: after the next open the map is there or not.</exception>
    /// <exception cref="DatabaseReadOnlyException">The database takes no writes.</exception>
    public bool DropMap(string name, Durability? durability = null)
    {
        CheckMapName(name);
        Durability level = CheckWrite(durability);
        CommitQueue commit = Commit;
        MapIdentity? map = _store.Catalog.FindRecorded(name);
        if (map is null) return false;
        using var batch = new BatchBuffer();
        batch.AddDrop(map, MapCatalog.Root, Encoding.UTF8.GetBytes(name));
        try
        {
            commit.Run(CommitKind.Write, batch, level);
            return true;
        }
        catch (MapDroppedException)
        {
            // Somebody else was faster.
            return false;
        }
    }

    internal SortedMap? FindMap(string name, Snapshot snapshot)
    {
        CheckMapName(name);
        ThrowIfClosed();
        ulong sequence = snapshot.CheckReadable(this);
        ReadView view = Views.Pin();
        try
        {
            MapIdentity? map = _store.Catalog.FindAt(view, sequence, name);
            return map is null ? null : new SortedMap(this, map);
        }
        finally
        {
            view.Release();
        }
    }

    internal IReadOnlyList<string> ListMaps(Snapshot snapshot)
    {
        ThrowIfClosed();
        ulong sequence = snapshot.CheckReadable(this);
        ReadView view = Views.Pin();
        try
        {
            return MapCatalog.ReadNamesAt(view, sequence);
        }
        finally
        {
            view.Release();
        }
    }

    private static void CheckMapName(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        int bytes;
        try
        {
            bytes = new UTF8Encoding(false, throwOnInvalidBytes: true).GetByteCount(name);
        }
        catch (EncoderFallbackException)
        {
            throw new ArgumentException("The map name is no valid text: it holds half a surrogate pair.", nameof(name));
        }

        if (bytes > Limits.MapNameBytesMax)
        {
            throw new ArgumentException($"The map name has {bytes} bytes of UTF-8; it may have {Limits.MapNameBytesMax}.", nameof(name));
        }
    }
}
