using Microsoft.Win32.SafeHandles;
using Varve.Diagnostics;
using Varve.Native;

namespace Varve.Files;

/// <summary>A file of the operating system. Once disposed every call throws <see cref="ObjectDisposedException"/>.</summary>
internal sealed unsafe class LocalFile : IFile
{
    /// <summary>Piece of an unaligned read of a file that bypasses the page cache.</summary>
    private const int BounceBytes = 256 << 10;

    private readonly SystemCalls _system;
    private readonly SafeFileHandle _handle;

    internal LocalFile(SystemCalls system, SafeFileHandle handle, string path, int writeAlignment)
    {
        _system = system;
        _handle = handle;
        Path = path;
        WriteAlignment = writeAlignment;
    }

    public string Path { get; }

    public long Length => _system.GetLength(_handle, Path);

    public int WriteAlignment { get; }

    public int Read(Span<byte> destination, long offset) =>
        WriteAlignment == 1 ? _system.Read(_handle, Path, destination, offset) : ReadThroughBounce(destination, offset);

    public int ReadCached(Span<byte> destination, long offset) =>
        WriteAlignment == 1 ? _system.ReadCached(_handle, destination, offset) : 0;

    public void Write(ReadOnlySpan<byte> source, long offset)
    {
        Invariant.Holds(offset >= 0);
        if (WriteAlignment > 1) Invariant.Holds(IsAligned(source, offset));
        _system.Write(_handle, Path, source, offset);
    }

    public void Sync() => _system.Sync(_handle, Path);

    public void SetLength(long bytes) => _system.SetLength(_handle, Path, bytes);

    public void Allocate(long bytes)
    {
        if (bytes > 0) _system.Allocate(_handle, Path, bytes);
    }

    public IFileMapping? TryMap(int bytes)
    {
        nint address = _system.TryMap(_handle, bytes);
        return address == 0 ? null : new LocalFileMapping(_system, address, bytes);
    }

    public void AdviseRandomReads() => _system.AdviseRandomReads(_handle);

    public void Dispose() => _handle.Dispose();

    private bool IsAligned(ReadOnlySpan<byte> source, long offset)
    {
        fixed (byte* start = source) return (((nuint)start | (nuint)source.Length | (nuint)offset) & (nuint)(WriteAlignment - 1)) == 0;
    }

    /// <summary>Reads of a file that bypasses the page cache must be aligned like its writes, and callers' are not.</summary>
    private int ReadThroughBounce(Span<byte> destination, long offset)
    {
        byte* bounce = NativeBytes.Allocate(BounceBytes, WriteAlignment);
        try
        {
            int done = 0;
            while (done < destination.Length)
            {
                int skipped = (int)((offset + done) & (WriteAlignment - 1));
                int wanted = Math.Min(destination.Length - done, BounceBytes - skipped);
                int asked = (skipped + wanted + WriteAlignment - 1) & -WriteAlignment;
                int read = _system.Read(_handle, Path, new Span<byte>(bounce, asked), offset + done - skipped);
                int count = Math.Min(read - skipped, wanted);
                if (count <= 0) break;

                new ReadOnlySpan<byte>(bounce + skipped, count).CopyTo(destination[done..]);
                done += count;
            }

            return done;
        }
        finally
        {
            NativeBytes.Free(bounce);
        }
    }
}
