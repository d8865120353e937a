using Varve.Bytes;
using Varve.Files;
using Varve.Runtime;

namespace Varve.Tables;

/// <summary>
/// The tables of one database: makes them, gives them cache and open files, and collects the obsolete ones until somebody may do the
/// I/O of deleting them. Safe for concurrent use.
/// </summary>
internal sealed class TableStore : IDisposable
{
    private readonly IFileSystem _fileSystem;
    private readonly RandomSource _random;
    private readonly Lock _deletableGuard = new();
    private List<long> _deletable = [];

    /// <summary>The store's own use, and one for each table that was made and not yet let go of.</summary>
    private int _uses = 1;
    private long _readBytes;
    private long _tableBytes;

    /// <param name="fileSystem">Where the files are.</param>
    /// <param name="directory">The database's directory.</param>
    /// <param name="databaseId">Every table must carry it.</param>
    /// <param name="cache">Shared by all tables; taken over.</param>
    /// <param name="openFilesMax">Descriptors kept open.</param>
    /// <param name="random">Where salts come from.</param>
    public TableStore(
        IFileSystem fileSystem, string directory, DatabaseId databaseId, BlockCache cache, int openFilesMax, RandomSource random)
    {
        _fileSystem = fileSystem;
        _random = random;
        DatabaseId = databaseId;
        Cache = cache;
        OpenFiles = new OpenFiles(fileSystem, directory, openFilesMax);
    }

    public DatabaseId DatabaseId { get; }

    /// <summary>Told of damage.</summary>
    public EngineEvents Events { get; init; } = EngineEvents.CreateSilent();

    /// <summary>Bytes read from table files, for whatever purpose.</summary>
    public long ReadBytes => Volatile.Read(ref _readBytes);

    /// <summary>Told of blocks that gets and seeks had to read; null: nobody reads their neighbours.</summary>
    public NeighbourReads? Neighbours { get; init; }

    internal BlockCache Cache { get; }

    internal OpenFiles OpenFiles { get; }

    public string PathOf(long number) => OpenFiles.PathOf(number);

    /// <summary>A table that the manifest knows; nothing is read yet. It begins with no reference.</summary>
    public Table Make(TableInfo info)
    {
        Interlocked.Increment(ref _uses);
        Interlocked.Add(ref _tableBytes, info.FileBytes);
        return new Table(info, this);
    }

    /// <summary>
    /// From so many bytes of tables on they are written past the page cache: it would not keep them, and what it keeps is worth more. Fewer
    /// stay in the system's memory, for the compaction that reads them next and for the next open. 0: always.
    /// </summary>
    public long DirectWritesFromBytes { get; init; }

    /// <summary>
    /// Creates the file of a new table, with a salt of its own; <paramref name="direct"/> writes past the page cache, unless they are few.
    /// </summary>
    public TableWriter CreateWriter(long number, TableFormatOptions options, bool direct, ulong sequenceFloor = 0)
    {
        direct &= Interlocked.Read(ref _tableBytes) >= DirectWritesFromBytes;
        IFile file = _fileSystem.Open(PathOf(number), direct ? FileOpening.CreateNewDirect : FileOpening.CreateNew);
        return new TableWriter(file, options, DatabaseId, number, _random.NextUInt64()) { SequenceFloor = sequenceFloor };
    }

    /// <summary>Gives an unfinished table up and deletes its file.</summary>
    public void Abandon(TableWriter writer)
    {
        writer.Dispose();
        Delete(writer.Number);
    }

    /// <summary>
    /// The numbers of obsolete tables that nobody reads any more, each once: to be given to <see cref="Delete"/> by a thread that may
    /// wait for the disk.
    /// </summary>
    public IReadOnlyList<long> TakeDeletable()
    {
        lock (_deletableGuard)
        {
            if (_deletable.Count == 0) return [];
            List<long> taken = _deletable;
            _deletable = [];
            return taken;
        }
    }

    /// <summary>Files that never became tables, to be deleted with the obsolete ones.</summary>
    public void AddDeletable(IReadOnlyList<long> numbers)
    {
        lock (_deletableGuard) _deletable.AddRange(numbers);
    }

    /// <summary>Closes and removes a table's file.</summary>
    public void Delete(long number)
    {
        OpenFiles.Forget(number);
        _fileSystem.Delete(PathOf(number));
    }

    /// <summary>Ends the store's own use: cache and files go with the last table that somebody still reads.</summary>
    public void Dispose()
    {
        Neighbours?.Stop();
        EndUse();
    }

    /// <summary>Beside a read of the file it costs nothing.</summary>
    internal void CountRead(int bytes) => Interlocked.Add(ref _readBytes, bytes);

    internal void OnUnreferenced(Table table)
    {
        table.CloseUnreferenced();
        Interlocked.Add(ref _tableBytes, -table.Info.FileBytes);
        if (table.IsObsolete)
        {
            lock (_deletableGuard) _deletable.Add(table.Info.Number);
        }

        EndUse();
    }

    private void EndUse()
    {
        if (Interlocked.Decrement(ref _uses) > 0) return;
        OpenFiles.Dispose();
        Cache.Dispose();
    }
}
