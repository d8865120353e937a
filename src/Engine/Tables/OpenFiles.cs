using Varve.Diagnostics;
using Varve.Files;

namespace Varve.Tables;

/// <summary>
/// The open table files of one database, by number: opened when first leased, kept open for the next reader, the least recently used one
/// closed when there are too many. Safe for concurrent use; files are opened and closed outside the lock.
/// </summary>
internal sealed class OpenFiles : IDisposable
{
    private readonly IFileSystem _fileSystem;
    private readonly string _directory;
    private readonly int _filesMax;

    private readonly Lock _filesGuard = new();
    private readonly Dictionary<long, OpenFile> _files = [];

    /// <summary>The files nobody has leased, the least recently used first.</summary>
    private readonly LinkedList<OpenFile> _idle = [];

    /// <summary>Descriptors held, or about to be: opens under way count from their start.</summary>
    private int _openCount;
    private bool _isDisposed;

    /// <param name="fileSystem">Where the files are.</param>
    /// <param name="directory">The database's directory.</param>
    /// <param name="filesMax">Files open at once, at least 1. Exceeded only while more are leased at the same time.</param>
    public OpenFiles(IFileSystem fileSystem, string directory, int filesMax)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(filesMax, 1);
        _fileSystem = fileSystem;
        _directory = directory;
        _filesMax = filesMax;
    }

    /// <summary>Files open now.</summary>
    public int OpenCount
    {
        get
        {
            lock (_filesGuard) return _openCount;
        }
    }

    public string PathOf(long number) => Path.Combine(_directory, FileNames.Table(number));

    /// <summary>The table's file, open until the lease is disposed. It allocates only when the file has to be opened.</summary>
    /// <exception cref="StorageException">The file cannot be opened.</exception>
    public FileLease Lease(long number)
    {
        OpenFile? victim = null;
        lock (_filesGuard)
        {
            Invariant.Holds(!_isDisposed);
            if (_files.TryGetValue(number, out OpenFile? open)) return LeaseLocked(open);

            _openCount++;
            if (_openCount > _filesMax) victim = TakeIdleLocked();
        }

        return OpenAndLease(number, victim);
    }

    /// <summary>The table is gone: its file is closed now, or by the last lease. Nobody may lease it any more.</summary>
    public void Forget(long number)
    {
        OpenFile? idle;
        lock (_filesGuard)
        {
            if (!_files.Remove(number, out idle)) return;
            idle.IsKept = false;
            if (idle.LeaseCount > 0) return;
            _idle.Remove(idle.Node);
            _openCount--;
        }

        idle.File.Dispose();
    }

    /// <summary>Closes the files that nobody has leased; the others are closed by their last lease.</summary>
    public void Dispose()
    {
        var idle = new List<OpenFile>();
        lock (_filesGuard)
        {
            _isDisposed = true;
            while (TakeIdleLocked() is OpenFile open) idle.Add(open);
            foreach (OpenFile leased in _files.Values) leased.IsKept = false;
            _files.Clear();
        }

        foreach (OpenFile open in idle) open.File.Dispose();
    }

    private FileLease OpenAndLease(long number, OpenFile? victim)
    {
        IFile? opened = null;
        try
        {
            // First, so that the cap holds at every moment.
            victim?.File.Dispose();
            opened = _fileSystem.Open(PathOf(number), FileOpening.Read);
            opened.AdviseRandomReads();
        }
        catch
        {
            lock (_filesGuard) _openCount--;
            opened?.Dispose();
            throw;
        }

        FileLease lease;
        IFile? duplicate = null;
        lock (_filesGuard)
        {
            if (_files.TryGetValue(number, out OpenFile? open))
            {
                // Another thread opened it meanwhile.
                duplicate = opened;
                _openCount--;
            }
            else
            {
                open = new OpenFile(opened) { Number = number, IsKept = !_isDisposed };
                if (open.IsKept) _files.Add(number, open);
                _idle.AddLast(open.Node);
            }

            lease = LeaseLocked(open);
        }

        duplicate?.Dispose();
        return lease;
    }

    private FileLease LeaseLocked(OpenFile open)
    {
        if (open.LeaseCount++ == 0) _idle.Remove(open.Node);
        return new FileLease(this, open);
    }

    private void Release(OpenFile open)
    {
        OpenFile? closing;
        lock (_filesGuard)
        {
            Invariant.Holds(open.LeaseCount > 0);
            if (--open.LeaseCount > 0) return;

            if (open.IsKept)
            {
                _idle.AddLast(open.Node);
                closing = _openCount > _filesMax ? TakeIdleLocked() : null;
            }
            else
            {
                closing = open;
                _openCount--;
            }
        }

        closing?.File.Dispose();
    }

    /// <summary>Removes the file used longest ago, for the caller to close outside the lock; null when all are leased.</summary>
    private OpenFile? TakeIdleLocked()
    {
        LinkedListNode<OpenFile>? oldest = _idle.First;
        if (oldest is null) return null;

        _idle.Remove(oldest);
        _files.Remove(oldest.Value.Number);
        _openCount--;
        return oldest.Value;
    }

    /// <summary>The right to read an open file. Disposed once; copies are the same lease.</summary>
    internal readonly struct FileLease : IDisposable
    {
        private readonly OpenFiles _owner;
        private readonly OpenFile _open;

        internal FileLease(OpenFiles owner, OpenFile open)
        {
            _owner = owner;
            _open = open;
        }

        public IFile File => _open.File;

        public void Dispose() => _owner.Release(_open);
    }

    internal sealed class OpenFile
    {
        public OpenFile(IFile file)
        {
            File = file;
            Node = new LinkedListNode<OpenFile>(this);
        }

        public IFile File { get; }

        public LinkedListNode<OpenFile> Node { get; }

        public required long Number { get; init; }

        public int LeaseCount { get; set; }

        /// <summary>False once the table is forgotten: the last lease closes the file.</summary>
        public bool IsKept { get; set; }
    }
}
