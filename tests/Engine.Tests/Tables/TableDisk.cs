using Varve.Files;

namespace Varve.Tests.Tables;

/// <summary>Files in memory: no crashes, no faults, but it refuses unaligned writes to files that ask for alignment.</summary>
internal sealed class TableDisk : IFileSystem
{
    private readonly Lock _filesGuard = new();
    private readonly Dictionary<string, byte[]> _files = [];

    /// <summary>What files opened past the page cache ask for.</summary>
    public int DirectAlignment { get; set; } = 512;

    public byte[] this[string path]
    {
        get { lock (_filesGuard) return _files[path]; }
        set { lock (_filesGuard) _files[path] = value; }
    }

    public IFile Open(string path, FileOpening opening)
    {
        lock (_filesGuard)
        {
            bool exists = _files.ContainsKey(path);
            bool isNew = opening is FileOpening.CreateNew or FileOpening.CreateNewDirect;
            if (exists == isNew) throw new StorageException("open", path, exists ? 17 : 2, exists ? "File exists" : "No such file");
            if (isNew) _files[path] = [];
        }

        return new DiskFile(this, path, opening == FileOpening.CreateNewDirect ? DirectAlignment : 1);
    }

    public bool FileExists(string path)
    {
        lock (_filesGuard) return _files.ContainsKey(path);
    }

    public bool DirectoryExists(string path) => true;

    public IReadOnlyList<string> ListFiles(string directory) => throw new NotSupportedException();

    public void CreateDirectory(string path) => throw new NotSupportedException();

    public void Delete(string path)
    {
        lock (_filesGuard) _files.Remove(path);
    }

    public void Rename(string from, string to) => throw new NotSupportedException();

    public void Link(string existing, string created) => throw new NotSupportedException();

    public void SyncDirectory(string path) => throw new NotSupportedException();

    public long GetAvailableBytes(string directory) => long.MaxValue;

    public IDisposable Lock(string path, bool exclusive) => throw new NotSupportedException();

    private sealed class DiskFile(TableDisk disk, string path, int alignment) : IFile
    {
        public string Path => path;

        public long Length => disk[path].Length;

        public int WriteAlignment => alignment;

        public int Read(Span<byte> destination, long offset)
        {
            byte[] content = disk[path];
            int bytes = (int)Math.Clamp(content.Length - offset, 0, destination.Length);
            if (bytes > 0) content.AsSpan((int)offset, bytes).CopyTo(destination);
            return bytes;
        }

        public unsafe void Write(ReadOnlySpan<byte> source, long offset)
        {
            fixed (byte* start = source)
            {
                if (((nint)start | source.Length | offset) % alignment != 0)
                    throw new StorageException("pwrite", path, 22, $"{source.Length} bytes at {offset} are not aligned to {alignment}");
            }

            byte[] content = disk[path];
            if (offset + source.Length > content.Length) Array.Resize(ref content, (int)offset + source.Length);
            source.CopyTo(content.AsSpan((int)offset));
            disk[path] = content;
        }

        public void Sync()
        {
        }

        public void SetLength(long bytes)
        {
            byte[] content = disk[path];
            Array.Resize(ref content, (int)bytes);
            disk[path] = content;
        }

        public void Allocate(long bytes) => SetLength(Math.Max(bytes, Length));

        public void AdviseRandomReads()
        {
        }

        public void Dispose()
        {
        }
    }
}
