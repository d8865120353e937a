using Varve.Files;

namespace Varve.Tests.Log;

/// <summary>A disk in memory, as small as the log's tests need it: unsynced bytes and names can be lost, and any call can fail.</summary>
internal sealed class MemoryFileSystem : IFileSystem
{
    private readonly Dictionary<string, MemoryFile> _files = [];
    private readonly HashSet<string> _durableNames = [];

    /// <summary>Called before every changing call, and reads, with its name and path; throws to make it fail.</summary>
    public Action<string, string> BeforeCall { get; set; } = (_, _) => { };

    public List<string> Calls { get; } = [];

    public IEnumerable<string> Paths => _files.Keys.Order(StringComparer.Ordinal);

    public MemoryFile File(string path) => _files[path];

    public static StorageException Error(string operation, string path, int code) => new(operation, path, code, "injected");

    /// <summary>Loses everything that was not synced.</summary>
    public void CrashKeepingNothing()
    {
        foreach (string path in _files.Keys.ToArray())
        {
            if (!_durableNames.Contains(path)) _files.Remove(path);
            else _files[path].KeepDurable(null);
        }
    }

    /// <summary>Each unsynced write survives whole, not at all, or torn at 512 bytes; unsynced names survive or not.</summary>
    public void CrashAtRandom(Random random)
    {
        foreach (string path in _files.Keys.Order(StringComparer.Ordinal).ToArray())
        {
            if (!_durableNames.Contains(path) && random.Next(2) == 0) _files.Remove(path);
            else _files[path].KeepDurable(random);
        }
    }

    public IFile Open(string path, FileOpening opening)
    {
        Call("open", path);
        if (opening == FileOpening.CreateNew)
        {
            if (_files.ContainsKey(path)) throw Error("open", path, 17);
            _files[path] = new MemoryFile();
        }

        return _files.TryGetValue(path, out MemoryFile? file) ? new Handle(this, path, file) : throw Error("open", path, 2);
    }

    public bool FileExists(string path) => _files.ContainsKey(path);

    public bool DirectoryExists(string path) => true;

    public IReadOnlyList<string> ListFiles(string directory) =>
        _files.Keys.Where(path => Path.GetDirectoryName(path) == directory).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal).ToArray();

    public void CreateDirectory(string path)
    {
    }

    public void Delete(string path)
    {
        Call("unlink", path);
        _files.Remove(path);
        _durableNames.Remove(path);
    }

    public void Rename(string from, string to)
    {
        _files[to] = _files[from];
        _files.Remove(from);
    }

    public void Link(string existing, string created) => throw new NotSupportedException();

    public void SyncDirectory(string path)
    {
        Call("fsync", path);
        foreach (string name in _files.Keys) _durableNames.Add(name);
    }

    public long GetAvailableBytes(string directory) => long.MaxValue;

    public IDisposable Lock(string path, bool exclusive) => throw new NotSupportedException();

    private void Call(string operation, string path)
    {
        Calls.Add(operation + " " + Path.GetFileName(path));
        BeforeCall(operation, path);
    }

    internal sealed class MemoryFile
    {
        private readonly List<(long Offset, byte[] Bytes)> _unsynced = [];
        private byte[] _durable = [];

        /// <summary>What a read sees; a test may change it.</summary>
        public byte[] Content { get; set; } = [];

        public int OpenHandles { get; set; }

        public void Write(ReadOnlySpan<byte> source, long offset)
        {
            if (Content.Length < offset + source.Length) SetLength(offset + source.Length);
            source.CopyTo(Content.AsSpan((int)offset));
            _unsynced.Add((offset, source.ToArray()));
        }

        public void SetLength(long bytes)
        {
            byte[] content = Content;
            Array.Resize(ref content, (int)bytes);
            Content = content;
        }

        public void Sync()
        {
            _durable = (byte[])Content.Clone();
            _unsynced.Clear();
        }

        public void KeepDurable(Random? random)
        {
            byte[] content = random?.Next(2) == 1 && _durable.Length < Content.Length ? new byte[Content.Length] : new byte[_durable.Length];
            _durable.AsSpan(0, Math.Min(_durable.Length, content.Length)).CopyTo(content);
            foreach ((long offset, byte[] bytes) in _unsynced)
            {
                int fate = random?.Next(3) ?? 0;
                for (int i = 0; i < bytes.Length;)
                {
                    long position = offset + i;
                    int piece = (int)Math.Min(bytes.Length - i, 512 - position % 512);
                    bool survives = fate == 1 || (fate == 2 && random!.Next(2) == 1);
                    if (survives && position + piece <= content.Length) bytes.AsSpan(i, piece).CopyTo(content.AsSpan((int)position));
                    i += piece;
                }
            }

            _unsynced.Clear();
            Content = content;
            _durable = (byte[])content.Clone();
            OpenHandles = 0;
        }
    }

    private sealed class Handle : IFile
    {
        private readonly MemoryFileSystem _system;
        private readonly MemoryFile _file;
        private bool _isOpen = true;

        public Handle(MemoryFileSystem system, string path, MemoryFile file)
        {
            _system = system;
            _file = file;
            Path = path;
            file.OpenHandles++;
        }

        public string Path { get; }

        public long Length => _file.Content.Length;

        public int WriteAlignment => 1;

        public int Read(Span<byte> destination, long offset)
        {
            _system.Call("pread", Path);
            ReadOnlySpan<byte> rest = offset >= Length ? default : _file.Content.AsSpan((int)offset);
            rest = rest[..Math.Min(rest.Length, destination.Length)];
            rest.CopyTo(destination);
            return rest.Length;
        }

        public void Write(ReadOnlySpan<byte> source, long offset)
        {
            Assert.True(_isOpen, "a write through a closed handle");
            try
            {
                _system.Call("pwrite", Path);
            }
            catch (StorageException)
            {
                // A short write: half of it lands.
                _file.Write(source[..(source.Length / 2)], offset);
                throw;
            }

            _file.Write(source, offset);
        }

        public void Sync()
        {
            Assert.True(_isOpen, "a sync through a closed handle");
            _system.Call("fdatasync", Path);
            _file.Sync();
        }

        public void SetLength(long bytes)
        {
            _system.Call("ftruncate", Path);
            _file.SetLength(bytes);
        }

        public void Allocate(long bytes)
        {
            _system.Call("fallocate", Path);
            if (bytes > Length) _file.SetLength(bytes);
        }

        public void AdviseRandomReads()
        {
        }

        public void Dispose()
        {
            if (_isOpen) _file.OpenHandles--;
            _isOpen = false;
        }
    }
}
