using Varve.Files;

namespace Varve.Tests.Levels;

/// <summary>A call that the power cut prevented.</summary>
internal sealed class PowerCutException : Exception;

/// <summary>
/// A directory in memory that tells what is durable from what is not, fails one call or loses power at one, and crashes.
/// One thread; one directory; as much of the seam as the manifest uses.
/// </summary>
internal sealed class VolatileFileSystem : IFileSystem
{
    private Dictionary<string, FileContent> _names = [];
    private Dictionary<string, FileContent> _durableNames = [];

    /// <summary>Calls made so far that change something.</summary>
    public int CallCount { get; private set; }

    /// <summary>The call that fails; once, if <see cref="CutsPower"/> is false, else it and all behind it.</summary>
    public int FailingCall { get; set; }

    public bool CutsPower { get; set; }

    /// <summary>What the next open finds: of all that was not synced nothing, everything, or what the generator draws.</summary>
    public void Crash(bool keepsAll, Random? random)
    {
        FailingCall = 0;
        if (random is not null)
        {
            foreach (string name in new SortedSet<string>([.. _names.Keys, .. _durableNames.Keys], StringComparer.Ordinal))
            {
                if (random.Next(2) == 0) continue;
                if (_names.TryGetValue(name, out FileContent? content))
                    _durableNames[name] = content;
                else
                    _durableNames.Remove(name);
            }
        }
        else if (keepsAll)
        {
            _durableNames = new Dictionary<string, FileContent>(_names);
        }

        _names = new Dictionary<string, FileContent>(_durableNames);
        foreach (FileContent content in _names.Values) content.Crash(keepsAll, random);
    }

    public byte[] Get(string name) => [.. _names[name].Bytes];

    public void Set(string name, byte[] bytes) => _names[name] = new FileContent { Bytes = [.. bytes] };

    public void CountCall(string operation, string path)
    {
        CallCount++;
        if (FailingCall == 0 || (CutsPower ? CallCount < FailingCall : CallCount != FailingCall)) return;
        if (CutsPower) throw new PowerCutException();
        throw new StorageException(operation, path, 5, "injected");
    }

    public IFile Open(string path, FileOpening opening)
    {
        string name = Path.GetFileName(path);
        if (opening != FileOpening.CreateNew) return new OpenFile(this, path, _names[name]);
        CountCall("open", path);
        if (_names.ContainsKey(name)) throw new StorageException("open", path, 17, "exists");
        _names[name] = new FileContent();
        return new OpenFile(this, path, _names[name]);
    }

    public bool FileExists(string path) => _names.ContainsKey(Path.GetFileName(path));

    public bool DirectoryExists(string path) => true;

    public IReadOnlyList<string> ListFiles(string directory) => [.. new SortedSet<string>(_names.Keys, StringComparer.Ordinal)];

    public void Delete(string path)
    {
        CountCall("unlink", path);
        _names.Remove(Path.GetFileName(path));
    }

    public void Rename(string from, string to)
    {
        CountCall("rename", from);
        _names.Remove(Path.GetFileName(from), out FileContent? content);
        _names[Path.GetFileName(to)] = content!;
    }

    public void SyncDirectory(string path)
    {
        CountCall("fsync", path);
        _durableNames = new Dictionary<string, FileContent>(_names);
    }

    public void CreateDirectory(string path) => throw new NotSupportedException();

    public void Link(string existing, string created) => throw new NotSupportedException();

    public long GetAvailableBytes(string directory) => throw new NotSupportedException();

    public IDisposable Lock(string path, bool exclusive) => throw new NotSupportedException();

    private sealed class FileContent
    {
        private byte[] _durable = [];

        public List<byte> Bytes { get; init; } = [];

        public void Sync() => _durable = [.. Bytes];

        // Only appends happen, so what may be lost is a tail; drawn, each 16 bytes of it survive or read as zero.
        public void Crash(bool keepsAll, Random? random)
        {
            if (keepsAll) Sync();
            if (random is not null && Bytes.Count > _durable.Length)
            {
                int kept = random.Next(_durable.Length, Bytes.Count + 1);
                byte[] torn = [.. Bytes[..kept]];
                for (int i = _durable.Length; i < kept; i += 16)
                {
                    if (random.Next(4) == 0) torn.AsSpan(i, Math.Min(16, kept - i)).Clear();
                }

                _durable = torn;
            }

            Bytes.Clear();
            Bytes.AddRange(_durable);
        }
    }

    private sealed class OpenFile(VolatileFileSystem owner, string path, FileContent content) : IFile
    {
        public string Path => path;

        public long Length => content.Bytes.Count;

        public int WriteAlignment => 1;

        public int Read(Span<byte> destination, long offset)
        {
            byte[] bytes = [.. content.Bytes];
            int length = (int)Math.Clamp(bytes.Length - offset, 0, destination.Length);
            bytes.AsSpan((int)offset, length).CopyTo(destination);
            return length;
        }

        // A failed write leaves its first half behind.
        public void Write(ReadOnlySpan<byte> source, long offset)
        {
            Assert.True(offset == content.Bytes.Count, "The manifest only appends.");
            try
            {
                owner.CountCall("pwrite", path);
            }
            catch (Exception cause) when (cause is StorageException or PowerCutException)
            {
                content.Bytes.AddRange(source[..(source.Length / 2)]);
                throw;
            }

            content.Bytes.AddRange(source);
        }

        public void Sync()
        {
            owner.CountCall("fdatasync", path);
            content.Sync();
        }

        public void SetLength(long bytes) => throw new NotSupportedException();

        public void Allocate(long bytes) => throw new NotSupportedException();

        public void AdviseRandomReads() => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
