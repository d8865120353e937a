using Varve.Files;
using Varve.Levels;
using Varve.Log;
using Varve.Reading;
using Varve.Runtime;
using Varve.Tables;

namespace Varve.Recovery;

/// <summary>Owns the parts of a store while it is put together, so that an open that fails gives everything back.</summary>
internal sealed class Opening : IDisposable
{
    private readonly EngineSetup _setup;
    private readonly bool _isReadOnly;
    private readonly long _started;
    private ManifestState? _state;
    private ManifestWriter? _manifest;
    private LevelMap? _levels;
    private LogWriter? _log;
    private BlockCache? _cache;
    private TableStore? _tables;
    private bool _isFinished;

    public Opening(EngineSetup setup, bool exclusive)
    {
        _setup = setup;
        _isReadOnly = !exclusive;
        _started = setup.Scheduler.Clock.GetTimestamp();
        DirectoryLock = setup.Files.Lock(Path.Combine(setup.Directory, FileNames.Lock), exclusive);
        setup.Pool.AddUser();
        Events = EngineEvents.Start(setup.Scheduler, setup.Directory, setup.OnEvent);
    }

    public IDisposable DirectoryLock { get; }

    public EngineEvents Events { get; }

    public BlockCache Cache => _cache!;

    public TableStore Tables => _tables!;

    /// <summary>Set once made, so that a later failure closes it.</summary>
    public ReadViews? Views { get; set; }

    /// <summary>What the log held; null where there was none.</summary>
    public LogRecoveryResult? Recovery { get; private set; }

    public bool WasUnclean { get; private set; }

    /// <summary>Notes what the replay found, for the report of the open.</summary>
    public void Found(LogRecoveryResult? log, ManifestState state)
    {
        Recovery = log;
        WasUnclean = log is not null && state.CleanEnd is null;
    }

    public void MakeParts(ManifestState state)
    {
        _state = state;
        _cache = new BlockCache(_setup.Pool, _setup.Memory.CacheBytes);
        _tables = new TableStore(_setup.Files, _setup.Directory, state.DatabaseId, _cache, _setup.OpenFilesMax, _setup.Random)
        {
            Events = Events,
            DirectWritesFromBytes = _setup.DirectWritesFromBytes,
            Neighbours = _setup.ReadsNeighbours ? new NeighbourReads(_setup.Scheduler, _cache) : null,
        };
    }

    public ManifestWriter MakeManifest(ManifestState state) =>
        _manifest = new ManifestWriter(_setup.Files, _setup.Directory, state, _setup.Random);

    /// <summary>The manifest's tables and those of the edit.</summary>
    public LevelMap MakeLevels(LevelEdit edit)
    {
        LevelMap empty = LevelMap.CreateEmpty();
        LevelMap recorded = empty.Apply(_state!.ToEdit(), Tables.Make);
        empty.Release();
        _levels = recorded.Apply(edit, Tables.Make);
        recorded.Release();
        return _levels;
    }

    public LogWriter MakeLog(LogContext context, LogEra era, ulong nextSequence, LogHistory history, KeptLog? kept) =>
        _log = new LogWriter(context, era, nextSequence, history, kept);

    /// <summary>
    /// The store is whole and owns its parts from now on. Its threads are started after this, so that the opening is the first event.
    /// </summary>
    public Store Finish(Store store)
    {
        _isFinished = true;
        Events.Post(new DatabaseOpenedEvent
        {
            Duration = _setup.Scheduler.Clock.GetElapsedTime(_started),
            IsReadOnly = _isReadOnly,
            WasClosedCleanly = !WasUnclean,
            RecoveredRecords = Recovery?.RecordCount ?? 0,
            RecoveredBytes = Recovery?.BytesRead ?? 0,
            LatestSequence = store.Views.VisibleSequence,
        });
        return store;
    }

    public void Dispose()
    {
        if (_isFinished) return;
        Views?.Close();
        _levels?.Release();
        _log?.Dispose();
        _manifest?.Dispose();
        _tables?.Dispose();
        DirectoryLock.Dispose();
        _setup.Pool.RemoveUser();
        Events.Stop();
    }
}
