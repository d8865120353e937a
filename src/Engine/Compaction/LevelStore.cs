using Varve.Levels;
using Varve.Memory;
using Varve.Native;
using Varve.Reading;
using Varve.Runtime;
using Varve.Tables;

namespace Varve.Compaction;

/// <summary>
/// The one place where the set of tables changes: an edit is durable in the manifest before readers see it, and files leave only
/// after that. Safe for concurrent use; edits go one after the other.
/// </summary>
internal sealed class LevelStore : IDisposable
{
    private readonly EngineLock _editGuard;
    private readonly ManifestWriter _manifest;
    private readonly TableStore _tables;
    private readonly ReadViews _views;
    /// <summary>A crash takes no more of the store's time than this, and what passes until the next tick.</summary>
    private const long ClockLagMillisecondsMax = 60_000;

    private readonly StoreClock _clock;
    private readonly List<long> _unsettled = [];
    private LevelMap _current;
    private long _nextFileNumber;

    /// <param name="scheduler">Makes the lock.</param>
    /// <param name="manifest">Taken over.</param>
    /// <param name="tables">Where new tables are made.</param>
    /// <param name="views">Where new maps are shown.</param>
    /// <param name="clock">Its mark goes into every edit: what an edit reclaimed has expired at every later open, too.</param>
    /// <param name="current">The map of the manifest's state; its reference is taken over.</param>
    /// <param name="nextFileNumber">Above the number of every table file in the directory.</param>
    public LevelStore(
        Scheduler scheduler,
        ManifestWriter manifest,
        TableStore tables,
        ReadViews views,
        StoreClock clock,
        LevelMap current,
        long nextFileNumber)
    {
        _editGuard = scheduler.CreateLock("level edits");
        _manifest = manifest;
        _tables = tables;
        _views = views;
        _clock = clock;
        _current = current;
        _nextFileNumber = nextFileNumber;
    }

    /// <summary>Told when the manifest's sync failed: nothing may be acknowledged after that until the next open.</summary>
    public Action<Exception>? SyncFailed { get; set; }

    /// <summary>Everything up to it is in tables.</summary>
    public ulong FlushedSequence => _manifest.State.FlushedSequence;

    /// <summary>A number for a new file, never given twice.</summary>
    public long TakeFileNumber() => Interlocked.Increment(ref _nextFileNumber) - 1;

    /// <summary>The current map with a reference for the caller.</summary>
    public LevelMap Pin()
    {
        using (_editGuard.Hold())
        {
            _current.AddReference();
            return _current;
        }
    }

    /// <summary>The current map, with a reference for the caller, and the manifest's state that goes with it; not to be changed.</summary>
    public LevelMap Pin(out ManifestState state)
    {
        using (_editGuard.Hold())
        {
            _current.AddReference();
            state = _manifest.State;
            return _current;
        }
    }

    /// <summary>Makes an edit durable, then visible.</summary>
    /// <param name="edit">Tables that come and go.</param>
    /// <param name="flushed">The memtable whose entries the edit's tables hold; null: none.</param>
    /// <exception cref="StorageException">
    /// The edit may be durable or not; nothing of it is shown. Its files stay until a later edit succeeds, which settles that it is not.
    /// </exception>
    public void Commit(LevelEdit edit, MemTable? flushed = null)
    {
        using (_editGuard.Hold())
        {
            edit.NextFileNumber = Volatile.Read(ref _nextFileNumber);
            edit.ClockMarkMilliseconds = _clock.Mark;
            AppendToManifest(edit);
            LevelMap before = _current;
            LevelMap after = before.Apply(edit, _tables.Make);
            _current = after;
            _views.InstallLevels(after, flushed);
            before.MarkObsolete(edit);
            before.Release();
            _tables.AddDeletable(_unsettled);
            _unsettled.Clear();
        }
    }

    private void AppendToManifest(LevelEdit edit)
    {
        try
        {
            _manifest.Append(edit);
        }
        catch (StorageException failure)
        {
            foreach (LeveledTable added in edit.Added)
            {
                if (!edit.Removes(added.Info.Number)) _unsettled.Add(added.Info.Number);
            }

            if (ErrorNumbers.IsSync(failure)) SyncFailed?.Invoke(failure);
            throw;
        }
    }

    /// <summary>
    /// Makes the store's time durable where something expires and no edit has carried it for long: what has been seen to expire stays so
    /// after a crash, also where the next open meets a wall clock that was set back.
    /// </summary>
    /// <exception cref="StorageException">As for any edit.</exception>
    public void PersistClock()
    {
        long written = _manifest.State.ClockMarkMilliseconds;
        if (_clock.Mark - written >= ClockLagMillisecondsMax && (_clock.IsNeeded || HasExpiring())) Commit(new LevelEdit());
    }

    private bool HasExpiring()
    {
        LevelMap map = Pin();
        try
        {
            for (int level = 0; level < LevelMap.LevelCount; level++)
            {
                foreach (Table table in map.Tables(level))
                {
                    if (table.Info.Expiries.Count > 0) return true;
                }
            }

            return false;
        }
        finally
        {
            map.Release();
        }
    }

    /// <summary>Lets go of the current map and closes the manifest.</summary>
    public void Dispose()
    {
        _current.Release();
        _manifest.Dispose();
    }
}
