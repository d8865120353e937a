using Varve.Files;
using Varve.Runtime;

namespace Varve.Log;

/// <summary>
/// Makes durable what an open reads of the log, so that the log can be kept: after a kill the system may show bytes that the device does
/// not have, and after a failed sync it may even take them for written. So each piece is written again as it was read, and then synced.
/// </summary>
/// <remarks>
/// Nothing changes but where the bytes are: whatever of it a crash cuts short, the next open finds what this one found. A long log is
/// synced by a thread of its own while the rest is read. What is refused is no error: the log is not kept then.
/// </remarks>
internal sealed class LogKeeper(IFileSystem files, Scheduler scheduler) : IDisposable
{
    /// <summary>So much is written before the device is given work.</summary>
    private const long SyncedAtOnceBytes = 8L << 20;

    private readonly EngineSignal _wanted = scheduler.CreateSignal("log sync wanted");
    private readonly Lock _gate = new();
    private readonly List<Slot> _slots = [];
    private EngineThread? _thread;
    private long _writtenBytes;
    private volatile bool _isWhole;
    private volatile Exception? _failure;

    /// <summary>A segment is about to be read.</summary>
    public void Begin(string path, in LogSegmentHeader header)
    {
        if (_failure is not null) return;
        Span<byte> page = stackalloc byte[LogFormat.HeaderAreaBytes];
        page.Clear();
        header.Write(page);
        try
        {
            var slot = new Slot(files.Open(path, FileOpening.ReadWrite));
            lock (_gate) _slots.Add(slot);
        }
        catch (StorageException refusal)
        {
            _failure = refusal;
        }

        Write(page, 0);
    }

    /// <summary>Writes a piece of the segment that was begun last.</summary>
    public void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        if (_failure is not null) return;
        Slot slot = _slots[^1];
        try
        {
            slot.File.Write(bytes, offset);
        }
        catch (StorageException refusal)
        {
            _failure = refusal;
            return;
        }

        slot.NeedsSync = true;
        _writtenBytes += bytes.Length;
        if (_writtenBytes < SyncedAtOnceBytes) return;
        _writtenBytes = 0;
        _thread ??= scheduler.StartThread("varve log sync", SyncUntilWhole);
        _wanted.Set();
    }

    /// <summary>All was read: true when the device has it.</summary>
    public bool TryFinish()
    {
        _isWhole = true;
        if (_thread is null) SyncUntilWhole();
        Join();
        if (_failure is not (null or StorageException)) throw _failure;
        return _failure is null;
    }

    public void Dispose()
    {
        _isWhole = true;
        Join();
        foreach (Slot slot in _slots) slot.File.Dispose();
    }

    private void Join()
    {
        _wanted.Set();
        _thread?.Join();
        _thread = null;
    }

    private void SyncUntilWhole()
    {
        try
        {
            while (_failure is null)
            {
                // In this order: once the whole is there, nothing is written any more.
                bool isWhole = _isWhole;
                while (TryTakeUnsynced(out Slot? slot)) slot!.File.Sync();
                if (isWhole) return;
                _wanted.Wait();
            }
        }
        catch (Exception cause)
        {
            _failure = cause;
        }
    }

    private bool TryTakeUnsynced(out Slot? unsynced)
    {
        lock (_gate)
        {
            unsynced = _slots.Find(static slot => slot.NeedsSync);
            if (unsynced is not null) unsynced.NeedsSync = false;
        }

        return unsynced is not null;
    }

    private sealed class Slot(IFile file)
    {
        private volatile bool _needsSync;

        public IFile File { get; } = file;

        /// <summary>Written to since its last sync.</summary>
        public bool NeedsSync
        {
            get => _needsSync;
            set => _needsSync = value;
        }
    }
}
