using Varve.Files;

namespace Varve.Simulation;

/// <summary>The canary's file system: one kind of sync does nothing and says nothing.</summary>
internal sealed class LyingFiles(IFileSystem inner, string slip) : IFileSystem
{
    public const string LogIsNotSynced = "the log is not synced";
    public const string TablesAreNotSynced = "tables are not synced";
    public const string ManifestIsNotSynced = "the manifest is not synced";
    public const string DirectoryIsNotSynced = "the directory is not synced";

    public IFile Open(string path, FileOpening opening)
    {
        IFile file = inner.Open(path, opening);
        bool lies = slip switch
        {
            LogIsNotSynced => path.EndsWith(".log", StringComparison.Ordinal),
            TablesAreNotSynced => path.EndsWith(".table", StringComparison.Ordinal),
            ManifestIsNotSynced => path.Contains("MANIFEST", StringComparison.Ordinal),
            _ => false,
        };
        return lies ? new LyingFile(file) : file;
    }

    public bool FileExists(string path) => inner.FileExists(path);

    public bool DirectoryExists(string path) => inner.DirectoryExists(path);

    public IReadOnlyList<string> ListFiles(string directory) => inner.ListFiles(directory);

    public void CreateDirectory(string path) => inner.CreateDirectory(path);

    public void Delete(string path) => inner.Delete(path);

    public void Rename(string from, string to) => inner.Rename(from, to);

    public void Link(string existing, string created) => inner.Link(existing, created);

    public void SyncDirectory(string path)
    {
        if (slip != DirectoryIsNotSynced) inner.SyncDirectory(path);
    }

    public long GetAvailableBytes(string directory) => inner.GetAvailableBytes(directory);

    public IDisposable Lock(string path, bool exclusive) => inner.Lock(path, exclusive);

    private sealed class LyingFile(IFile inner) : IFile
    {
        public string Path => inner.Path;

        public long Length => inner.Length;

        public int WriteAlignment => inner.WriteAlignment;

        public int Read(Span<byte> destination, long offset) => inner.Read(destination, offset);

        public int ReadCached(Span<byte> destination, long offset) => inner.ReadCached(destination, offset);

        public void Write(ReadOnlySpan<byte> source, long offset) => inner.Write(source, offset);

        public void Sync()
        {
        }

        public void SetLength(long bytes) => inner.SetLength(bytes);

        public void Allocate(long bytes) => inner.Allocate(bytes);

        public IFileMapping? TryMap(int bytes) => inner.TryMap(bytes);

        public void AdviseRandomReads() => inner.AdviseRandomReads();

        public void Dispose() => inner.Dispose();
    }
}
