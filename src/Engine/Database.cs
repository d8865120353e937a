using System.Collections.Concurrent;
using Varve.Maintenance;
using Varve.Recovery;
using Varve.Runtime;

namespace Varve;

/// <summary>
/// A directory of named sorted maps that this process owns while it is open. One log and one order for all maps: a batch over several of
/// them is atomic, and what survives a crash is always a prefix of what was written.
/// </summary>
/// <remarks>Safe for concurrent use. Close it to end cleanly; a process that dies instead loses nothing acknowledged.</remarks>
public sealed partial class Database : IDisposable, IAsyncDisposable
{
    private readonly Store _store;
    private readonly ObservedStore _observed;
    private readonly ConcurrentDictionary<string, SortedMap> _maps = new(StringComparer.Ordinal);
    private readonly Lock _closeGuard = new();
    private volatile bool _isClosed;

    private Database(Store store, DatabaseOptions options)
    {
        _store = store;
        Options = options;
        Limits = new Limits(store.Setup.Memory);
        _observed = StoreMeter.Add(store);
    }

    /// <summary>The directory, as a full path.</summary>
    public string Directory => _store.Setup.Directory;

    /// <summary>True when it was opened for reading only.</summary>
    public bool IsReadOnly => Options.Mode == OpenMode.ReadOnly;

    /// <summary>Everything up to this sequence survives a power cut. In a database opened for reading: everything it shows.</summary>
    public ulong DurableSequence => _store.DurableSequence;

    /// <summary>The sequence of the last write that reads see.</summary>
    public ulong LatestSequence => Views.VisibleSequence;

    /// <summary>The random name that all its files carry.</summary>
    internal Bytes.DatabaseId Id => _store.Tables.DatabaseId;

    internal bool IsClosed => _isClosed;

    internal Limits Limits { get; }

    /// <summary>The time that decides what has expired.</summary>
    internal StoreClock Clock => _store.Clock;

    /// <summary>What a read of one key reads at. For a read of this moment: called after its view was pinned, see ReadViews.</summary>
    internal Reading.ReadMoment MomentOf(Snapshot? snapshot) =>
        snapshot is null ? new Reading.ReadMoment(Views.VisibleSequence, Clock) : snapshot.CheckMoment(this);

    internal DatabaseOptions Options { get; }

    internal Reading.ReadViews Views => _store.Views;

    /// <summary>Opens the database in a directory, or creates it, and recovers what a crash has left in the log.</summary>
    /// <param name="directory">Where it lives; only its files may be in there.</param>
    /// <param name="options">Default: the defaults of <see cref="DatabaseOptions"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is outside its range.</exception>
    /// <exception cref="DatabaseLockedException">Another process, or another <see cref="Database"/> of this one, has it open.</exception>
    /// <exception cref="DirectoryNotFoundException">
    /// There is no database and <see cref="DatabaseOptions.Mode"/> is not <see cref="OpenMode.CreateOrOpen"/>.
    /// </exception>
    /// <exception cref="CorruptDataException">A file is damaged in a way that a crash does not explain.</exception>
    /// <exception cref="StorageException">The system refused a call.</exception>
    public static Database Open(string directory, DatabaseOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        options = options?.Clone() ?? new DatabaseOptions();
        options.Validate();
        return Open(EngineDefaults.CreateSetup(directory, options), options);
    }

    /// <summary>A moment of the database that reads can go on seeing.</summary>
    public Snapshot CreateSnapshot()
    {
        ThrowIfClosed();
        return new Snapshot(this, _store.Snapshots);
    }

    /// <summary>
    /// Ends cleanly: waits for writes under way, syncs the log and notes where it ends. Reads and writes afterwards throw
    /// <see cref="ObjectDisposedException"/>; open cursors and snapshots must not be used any more. A second call does nothing.
    /// </summary>
    /// <exception cref="StorageException">The last sync failed: the next open recovers as after a crash.</exception>
    /// <exception cref="DatabaseReadOnlyException">
    /// Writing had stopped by a failure: what was acknowledged below <see cref="Durability.Synced"/> after the last sync may not survive
    /// a power cut.
    /// </exception>
    public void Close()
    {
        lock (_closeGuard)
        {
            if (_isClosed) return;
            _isClosed = true;
        }

        StoreMeter.Remove(_observed);
        _store.Close();
    }

    /// <summary>As <see cref="Close"/>, but never throws: what fails is as after a crash, and the next open recovers.</summary>
    public void Dispose()
    {
        try
        {
            Close();
        }
        catch (Exception failure) when (failure is IOException or DatabaseReadOnlyException)
        {
            // Whoever wants to know calls Close. The next open treats this as a crash, which loses nothing acknowledged.
        }
    }

    /// <summary>As <see cref="Dispose"/>, off the calling thread.</summary>
    public ValueTask DisposeAsync() => new(Task.Run(Dispose));

    internal static Database Open(EngineSetup setup, DatabaseOptions options) =>
        new(ObservedOpening.Open(setup, options.Mode == OpenMode.ReadOnly), options);

    internal void ThrowIfClosed() => ObjectDisposedException.ThrowIf(_isClosed, this);
}
