using Varve.Files;

namespace Varve.Simulation;

/// <summary>A handle on a file of a <see cref="SimulatedDisk"/>. Dead, as its disk, once the machine crashed.</summary>
internal sealed class SimulatedFile(SimulatedDisk disk, FileNode node, string path, bool isWritable, int writeAlignment) : IFile
{
    private volatile bool _isDisposed;

    public string Path => path;

    public int WriteAlignment => writeAlignment;

    public long Length
    {
        get
        {
            ThrowIfDisposed();
            return disk.GetLength(this);
        }
    }

    internal FileNode Node => node;

    internal bool IsWritable => isWritable;

    public int Read(Span<byte> destination, long offset)
    {
        ThrowIfDisposed();
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        return disk.Read(this, destination, offset);
    }

    public int ReadCached(Span<byte> destination, long offset) => Read(destination, offset);

    public void Write(ReadOnlySpan<byte> source, long offset)
    {
        ThrowIfDisposed();
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        disk.Write(this, source, offset);
    }

    public void Sync()
    {
        ThrowIfDisposed();
        disk.Sync(this);
    }

    public void SetLength(long bytes)
    {
        ThrowIfDisposed();
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        disk.SetLength(this, bytes);
    }

    public void Allocate(long bytes)
    {
        ThrowIfDisposed();
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        disk.Allocate(this, bytes);
    }

    public IFileMapping? TryMap(int bytes)
    {
        ThrowIfDisposed();
        return disk.TryMap(this, bytes) ? new SimulatedMapping(disk, this, bytes) : null;
    }

    public void AdviseRandomReads() => ThrowIfDisposed();

    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        disk.Close(this);
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_isDisposed, this);
}
