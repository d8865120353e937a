using Varve.Diagnostics;
using Varve.Files;

namespace Varve.Log;

/// <summary>
/// Where frames stand until they are written to their slot. Where the system can, it is a file mapped into memory, the log's window: what
/// stands in it survives the process without a call to the system. Elsewhere it is memory of the process.
/// </summary>
/// <remarks>
/// One thread at a time. Measured on a virtual machine, records of 160 bytes: a write each takes 700 to 2,800 ns, a store into the window
/// 33 with the clock's own cost; the slot itself in a mapping takes 6,400 ns for each new page, and again after each write-back.
/// </remarks>
internal sealed class LogBuffer : IDisposable
{
    /// <summary>Frames that it takes; more gain nothing, and take longer to write in one go.</summary>
    public const int SizeBytes = 256 * 1024;

    /// <summary>Size of the window's file: the header has a page of its own.</summary>
    public const int WindowBytes = LogFormat.HeaderAreaBytes + SizeBytes;

    /// <summary>Bytes of the window that are asked for at once: few for a log that syncs each record, then more and more.</summary>
    private const int PreparedBytesMin = 4 * 1024;

    private const int PreparedBytesMax = 64 * 1024;

    private readonly LogContext _context;
    private byte[] _private = [];
    private IFile? _file;
    private IFileMapping? _window;
    private LogWindowHeader _place;
    private int _length;
    private int _announced;
    private int _prepared;

    /// <summary>Takes the window's file over. Nothing may be wanted any more of what an earlier process has left in it.</summary>
    public LogBuffer(LogContext context)
    {
        _context = context;
        try
        {
            _file = OpenWindow();
            _window = _file?.TryMap(WindowBytes);
        }
        catch (StorageException)
        {
            // Say on a full disk. The log goes without it: what must survive the process is written to the slot at once.
        }
        catch
        {
            Dispose();
            throw;
        }

        if (_window is null) LeaveWindow();
    }

    public int Length => _length;

    /// <summary>The frames since the last <see cref="Restart"/>.</summary>
    public ReadOnlySpan<byte> Frames => Room[.._length];

    private Span<byte> Room => _window is null ? _private : _window.Bytes.Slice(LogFormat.HeaderAreaBytes, SizeBytes);

    /// <summary>The frames are in their slot: the next one is the first, and belongs at this place.</summary>
    public void Restart(LogSegment segment, long offset)
    {
        _length = _announced = _prepared = 0;
        _place = new LogWindowHeader
        {
            DatabaseId = _context.DatabaseId,
            Segment = segment.Number,
            Salt = segment.Salt,
            Offset = offset,
        };
    }

    /// <summary>False when what it holds must be written to the slot first; never when it holds nothing.</summary>
    public bool HasRoomFor(int bytes)
    {
        if (bytes > SizeBytes - _length) return false;
        if (_length + bytes <= _prepared || _window is null || TryPrepare(_length + bytes)) return true;
        if (_length > 0) return false;
        LeaveWindow();
        return true;
    }

    /// <summary>The bytes of the next frame, for which there is room.</summary>
    public Span<byte> Take(int bytes)
    {
        if (_length == 0 && _window is not null)
        {
            // A window that is not told where its frames belong holds none. What it held is in the slot.
            _place.Write(_window.Bytes);
            _window.OnStored(0, LogWindowHeader.SizeBytes);
        }

        Span<byte> room = Room.Slice(_length, bytes);
        _length += bytes;
        return room;
    }

    /// <summary>Lets what was taken, and filled since, survive the process; false where only a write to the slot does that.</summary>
    public bool TryKeep()
    {
        if (_window is null) return false;
        if (_announced < _length) _window.OnStored(LogFormat.HeaderAreaBytes + _announced, _length - _announced);
        _announced = _length;
        return true;
    }

    public void Dispose()
    {
        _window?.Dispose();
        _file?.Dispose();
    }

    private bool TryPrepare(int end)
    {
        int more = Math.Clamp(_prepared, PreparedBytesMin, PreparedBytesMax);
        int goal = Math.Min(SizeBytes, Math.Max(_prepared + more, (end + PreparedBytesMin - 1) & -PreparedBytesMin));
        int offset = _prepared == 0 ? 0 : LogFormat.HeaderAreaBytes + _prepared;
        if (!_window!.TryPrepare(offset, LogFormat.HeaderAreaBytes + goal - offset)) return false;
        _prepared = goal;
        return true;
    }

    private IFile OpenWindow()
    {
        string path = Path.Combine(_context.Directory, FileNames.LogWindow);
        bool exists = _context.Files.FileExists(path);
        IFile file = _context.Files.Open(path, exists ? FileOpening.ReadWrite : FileOpening.CreateNew);
        try
        {
            // On disk as a whole, not only reserved, so that a store never asks for space; and nothing of an earlier log.
            if (file.Length > WindowBytes) file.SetLength(WindowBytes);
            file.Allocate(WindowBytes);
            file.Write(new byte[WindowBytes], 0);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private void LeaveWindow()
    {
        Invariant.Holds(_length == 0);
        Dispose();
        (_window, _file) = (null, null);
        _private = GC.AllocateUninitializedArray<byte>(SizeBytes, pinned: true);
    }
}
