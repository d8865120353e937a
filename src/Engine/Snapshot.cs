using Varve.Reading;

namespace Varve;

/// <summary>
/// A moment of the database that reads can go on seeing, whatever is written after it. Costs a registered number; holds back the removal of
/// old versions.
/// </summary>
/// <remarks>
/// Made by <see cref="Database.CreateSnapshot"/>. Safe for concurrent use. Dispose it when done: versions it could see are kept until then.
/// </remarks>
public sealed class Snapshot : IDisposable
{
    private readonly SnapshotList _list;
    private readonly SnapshotList.Registration _registration;
    private int _disposed;

    internal Snapshot(Database database, SnapshotList list)
    {
        Database = database;
        _list = list;
        _registration = list.Take();
    }

    /// <summary>The last commit it sees.</summary>
    public ulong Sequence => _registration.Sequence;

    /// <summary>The map that had the name at this moment, also where it was dropped since; null where there was none.</summary>
    /// <param name="name">1 to 255 bytes of UTF-8.</param>
    /// <remarks>Read it with this snapshot. Through the handle of a dropped map nothing can be written.</remarks>
    /// <exception cref="CorruptDataException">A file that the read needs is damaged.</exception>
    public SortedMap? GetMap(string name) => Database.FindMap(name, this);

    /// <summary>The names of the maps that had been written to at this moment and not dropped, in ordinal order.</summary>
    /// <exception cref="CorruptDataException">A file that the read needs is damaged.</exception>
    public IReadOnlyList<string> ListMaps() => Database.ListMaps(this);

    internal Database Database { get; }

    /// <summary>Gives the moment up.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        _list.Return(_registration);
    }

    /// <summary>The sequence to read at.</summary>
    internal ulong CheckReadable(Database database)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        if (!ReferenceEquals(database, Database)) throw new ArgumentException("The snapshot was taken of another database.", "snapshot");
        return Sequence;
    }

    /// <summary>The sequence and the time to read at.</summary>
    internal ReadMoment CheckMoment(Database database)
    {
        CheckReadable(database);
        return _registration.Moment;
    }

    /// <summary>A use of the moment that lasts beyond the snapshot's own.</summary>
    internal SnapshotList.Registration Share(Database database)
    {
        CheckReadable(database);
        ObjectDisposedException.ThrowIf(!_list.TryShare(_registration), this);
        return _registration;
    }
}
