using Varve.Files;

namespace Varve.Log;

/// <summary>
/// An open slot file of full size, its name durable. Whoever took it from <see cref="LogSlots"/> owns it until it is returned.
/// </summary>
internal sealed record LogSlot(int Number, IFile File);

/// <summary>
/// The slot files that hold no live segment: recycles them, makes new ones, keeps a few spares and deletes the rest.
/// Safe for concurrent use; all I/O happens outside the lock.
/// </summary>
/// <remarks>
/// Recycling is worth it: overwriting blocks that the file system has already allocated and the page cache already holds takes a
/// third of the time of writing fresh ones, and a sync need not journal a new length. For the same reason a new slot is filled with zeroes:
/// blocks that are only allocated are turned into written ones by the journal of the file system, with every sync, and ext4 has been seen
/// to report such a sync as done while its journal broke off, and to show the blocks empty after the next mount.
/// </remarks>
internal sealed class LogSlots : IDisposable
{
    /// <summary>Made in the background where there is none.</summary>
    private const int SparesMin = 1;

    /// <summary>
    /// Kept of those that a flush makes free: as many as the log fills while a memtable does (a segment is a quarter of one).
    /// </summary>
    private const int SparesKept = 4;

    private static readonly byte[] Zeroes = new byte[64 << 10];

    private readonly LogContext _context;
    private readonly Action<Exception> _onSyncFailed;
    private readonly Lock _gate = new();
    private readonly List<LogSlot> _ready = [];

    /// <summary>
    /// Files that were there when the log was opened, history that was given up, and failed attempts that could not be removed: neither
    /// open nor checked.
    /// </summary>
    private readonly List<int> _unprepared = [];
    private readonly HashSet<int> _names = [];
    private bool _isDisposed;

    /// <summary>Takes the slot files in the directory as recyclable: the era that begins now has no segment yet.</summary>
    /// <param name="context">Where the slots are.</param>
    /// <param name="kept">Slots that hold history, and are returned when they do so no more.</param>
    /// <param name="onSyncFailed">
    /// Told when the directory could not be synced: unlike a full disk, nothing may be tried again after that.
    /// </param>
    public LogSlots(LogContext context, HashSet<int> kept, Action<Exception> onSyncFailed)
    {
        _context = context;
        _onSyncFailed = onSyncFailed;
        foreach (string name in context.Files.ListFiles(context.Directory))
        {
            if (!FileNames.TryParseLogSlot(name, out int slot) || name != FileNames.LogSlot(slot)) continue;
            _names.Add(slot);
            if (!kept.Contains(slot)) _unprepared.Add(slot);
        }
    }

    /// <summary>Takes all of so many slots or, when one cannot be made, none.</summary>
    /// <exception cref="StorageException">The disk is full, or a file cannot be opened; the caller may try again.</exception>
    public void Rent(int count, Queue<LogSlot> destination)
    {
        try
        {
            while (destination.Count < count) destination.Enqueue(TryTakeReady() ?? Prepare());
        }
        catch
        {
            while (destination.TryDequeue(out LogSlot? slot)) Return(slot);
            throw;
        }
    }

    public void Return(LogSlot slot)
    {
        lock (_gate)
        {
            if (_isDisposed) slot.File.Dispose();
            else _ready.Add(slot);
        }
    }

    /// <summary>Takes back a slot whose file is closed.</summary>
    public void ReturnClosed(int number)
    {
        lock (_gate) _unprepared.Add(number);
    }

    /// <summary>Makes a spare unless there is one, so that the next segment begins without waiting for the file system.</summary>
    public void EnsureSpare()
    {
        lock (_gate)
        {
            if (_isDisposed || _ready.Count >= SparesMin) return;
        }

        Return(Prepare());
    }

    /// <summary>Deletes slots beyond the spares worth keeping; a file that cannot be deleted stays for the next attempt.</summary>
    public void DeleteSurplus() => DeleteBeyond(SparesKept);

    /// <summary>Deletes the spares too: their room on a full disk is worth more to a flush.</summary>
    public void DeleteSpares() => DeleteBeyond(0);

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            foreach (LogSlot slot in _ready) slot.File.Dispose();
            _ready.Clear();
        }
    }

    private LogSlot? TryTakeReady()
    {
        lock (_gate)
        {
            if (_ready.Count == 0) return null;
            // The last one returned: its pages are the likeliest to be in the page cache still.
            LogSlot slot = _ready[^1];
            _ready.RemoveAt(_ready.Count - 1);
            return slot;
        }
    }

    private LogSlot Prepare()
    {
        int number = TakeName(out bool exists);
        try
        {
            return exists ? Reopen(number) : Create(number);
        }
        catch
        {
            if (exists || !TryDelete(number)) ReturnClosed(number);
            throw;
        }
    }

    private int TakeName(out bool exists)
    {
        lock (_gate)
        {
            exists = _unprepared.Count > 0;
            if (exists)
            {
                int found = _unprepared[^1];
                _unprepared.RemoveAt(_unprepared.Count - 1);
                return found;
            }

            int number = 1;
            while (!_names.Add(number)) number++;
            return number;
        }
    }

    private LogSlot Reopen(int number)
    {
        IFile file = _context.Files.Open(_context.SlotPath(number), FileOpening.ReadWrite);
        try
        {
            if (file.Length > _context.SegmentBytes) file.SetLength(_context.SegmentBytes);
            file.Allocate(_context.SegmentBytes);
            if (!HasHeader(file)) WriteSpare(file, number);
            return new LogSlot(number, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private LogSlot Create(int number)
    {
        IFile file = _context.Files.Open(_context.SlotPath(number), FileOpening.CreateNew);
        try
        {
            file.Allocate(_context.SegmentBytes);
            WriteSpare(file, number);
            SyncDirectory();
            return new LogSlot(number, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Zeroes first, and synced: a slot with a header is written whole. The header is there because recovery searches slots that have none
    /// for lost frames.
    /// </summary>
    private void WriteSpare(IFile file, int number)
    {
        for (long offset = 0; offset < _context.SegmentBytes; offset += Zeroes.Length)
            file.Write(Zeroes.AsSpan(0, (int)Math.Min(Zeroes.Length, _context.SegmentBytes - offset)), offset);
        file.Sync();
        Span<byte> header = stackalloc byte[LogSegmentHeader.SizeBytes];
        new LogSegmentHeader
        {
            Version = LogFormat.Version,
            Slot = (uint)number,
            DatabaseId = _context.DatabaseId,
            Number = LogSegmentHeader.SpareNumber,
            SegmentBytes = _context.SegmentBytes,
        }.Write(header);
        file.Write(header, 0);
    }

    private static bool HasHeader(IFile file)
    {
        Span<byte> header = stackalloc byte[LogSegmentHeader.SizeBytes];
        return file.Read(header, 0) == header.Length && LogSegmentHeader.TryRead(header, out _);
    }

    private void SyncDirectory()
    {
        try
        {
            _context.Files.SyncDirectory(_context.Directory);
        }
        catch (Exception cause)
        {
            _onSyncFailed(cause);
            throw;
        }
    }

    private void DeleteBeyond(int sparesKept)
    {
        while (TakeSurplus(sparesKept, out int number, out IFile? file))
        {
            file?.Dispose();
            if (TryDelete(number)) continue;
            ReturnClosed(number);
            return;
        }
    }

    /// <summary>Unprepared slots go first: they cost an open before they could be used.</summary>
    private bool TakeSurplus(int sparesKept, out int number, out IFile? file)
    {
        lock (_gate)
        {
            (number, file) = (0, null);
            if (_ready.Count + _unprepared.Count <= sparesKept) return false;
            if (_unprepared.Count > 0)
            {
                number = _unprepared[^1];
                _unprepared.RemoveAt(_unprepared.Count - 1);
                return true;
            }

            (number, file) = _ready[0];
            _ready.RemoveAt(0);
            return true;
        }
    }

    /// <summary>Housekeeping: a refusal costs disk space, not correctness, and says nothing that the caller could act on.</summary>
    private bool TryDelete(int number)
    {
        try
        {
            _context.Files.Delete(_context.SlotPath(number));
        }
        catch (StorageException)
        {
            return false;
        }

        lock (_gate) _names.Remove(number);
        return true;
    }
}
