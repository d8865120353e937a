using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Varve.Files;

namespace Varve.Log;

/// <summary>
/// Reads frames of one slot file after another through a window of bounded size. Nothing a file says makes it allocate, throw or read
/// outside the file; only the file system's own errors come out.
/// </summary>
internal sealed class LogFrameReader : IDisposable
{
    private const int WindowBytesMax = 1024 * 1024;

    private readonly CancellationToken _cancellation;
    private byte[] _window = [];
    private IFile? _file;
    private long _windowOffset;
    private int _windowLength;
    private LogWindowContent? _overlay;

    public LogFrameReader(CancellationToken cancellation) => _cancellation = cancellation;

    public long BytesRead { get; private set; }

    /// <summary>Read in the place of what its slot has; null: there is none.</summary>
    public LogWindowContent? Window { get; set; }

    /// <summary>Told of every piece that is read from now on; null: nobody is.</summary>
    public LogKeeper? Keeper { get; set; }

    public void Open(IFileSystem files, string path)
    {
        Dispose();
        _file = files.Open(path, FileOpening.Read);
        (_windowOffset, _windowLength) = (0, 0);

        // Either the whole file fits, or the longest frame does many times over.
        int windowBytes = (int)Math.Min(_file.Length, WindowBytesMax);
        if (windowBytes > _window.Length) _window = GC.AllocateUninitializedArray<byte>(windowBytes);
        _overlay = null;
        if (Window is null || !TryReadHeader(out LogSegmentHeader header) || !Window.Fits(path, header)) return;
        _overlay = Window;
        Forget();
    }

    /// <summary>Forgets the window: what lies behind the bytes that were valid when it was read may have changed.</summary>
    public void Forget() => (_windowOffset, _windowLength) = (0, 0);

    /// <summary>The payload of the frame read last; valid until the next read.</summary>
    public ReadOnlySpan<byte> Payload => _window.AsSpan(PayloadStart, PayloadBytes);

    private int PayloadStart { get; set; }

    private int PayloadBytes { get; set; }

    public bool TryReadHeader(out LogSegmentHeader header) =>
        LogSegmentHeader.TryRead(Peek(0, LogSegmentHeader.SizeBytes), out header);

    /// <summary>Reads the frame at an offset when a whole one that checks out lies there, ending at or below the limit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryRead(long offset, long limit, ulong salt, out LogFrame frame)
    {
        if (!LogFrame.TryReadHeader(Peek(offset, LogFrame.HeaderBytes), salt, out frame)) return false;
        if (frame.TotalBytes > limit - offset) return false;

        ReadOnlySpan<byte> whole = Peek(offset, frame.TotalBytes);
        if (whole.Length < frame.TotalBytes || !LogFrame.ChecksumHolds(whole, salt, offset)) return false;

        PayloadStart = (int)(offset - _windowOffset) + LogFrame.HeaderBytes;
        PayloadBytes = frame.PayloadBytes;
        return true;
    }

    /// <summary>Searches from an offset (a multiple of 8) on for the next frame that checks out under one of the salts.</summary>
    public bool TryFind(ref long offset, long limit, ReadOnlySpan<ulong> salts, out LogFrame frame)
    {
        while (limit - offset >= LogFrame.HeaderBytes)
        {
            ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(Peek(offset, LogFrame.HeaderBytes, andWhatFollows: true));
            if (words.IsEmpty) break;

            int index = words.IndexOfAny(salts);
            if (index < 0)
            {
                offset += words.Length * sizeof(ulong);
                continue;
            }

            offset += index * sizeof(ulong);
            ulong salt = words[index];
            if (TryRead(offset, limit, salt, out frame)) return true;
            offset += sizeof(ulong);
        }

        frame = default;
        return false;
    }

    public void Dispose()
    {
        _file?.Dispose();
        _file = null;
    }

    /// <summary>
    /// The bytes at an offset: as many as asked for, or with all that the window holds behind them; fewer at the end of the file.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private ReadOnlySpan<byte> Peek(long offset, int bytes, bool andWhatFollows = false)
    {
        long start = offset - _windowOffset;
        if (start < 0 || start > _windowLength - bytes)
        {
            _cancellation.ThrowIfCancellationRequested();
            _windowLength = _file!.Read(_window, offset);
            _windowOffset = offset;
            BytesRead += _windowLength;
            _overlay?.CopyOver(_window.AsSpan(0, _windowLength), offset);
            Keeper?.Write(_window.AsSpan(0, _windowLength), offset);
            start = 0;
        }

        int available = _windowLength - (int)start;
        return _window.AsSpan((int)start, andWhatFollows ? available : Math.Min(bytes, available));
    }
}
