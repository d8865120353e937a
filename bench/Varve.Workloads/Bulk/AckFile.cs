using System.IO.MemoryMappedFiles;

namespace Varve.Workloads.Bulk;

/// <summary>
/// How many puts have returned, in memory that is shared by a file: it outlives a process that is killed, to the last put.
/// </summary>
internal sealed unsafe class AckFile : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly long* _count;

    public AckFile(string path)
    {
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.OpenOrCreate, null, sizeof(long));
        _view = _file.CreateViewAccessor(0, sizeof(long));
        byte* address = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref address);
        _count = (long*)address;
    }

    public long Count
    {
        get => Volatile.Read(ref *_count);
        set => Volatile.Write(ref *_count, value);
    }

    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}
