using Varve.Files;

namespace Varve.Tests.Files;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void The_content_is_replaced_and_left_overs_go()
    {
        string path = _directory.Of("CURRENT");
        string temporaryPath = _directory.Of("CURRENT.tmp");
        File.WriteAllText(temporaryPath, "a left-over that is longer than what follows");
        AtomicFile.Replace(LocalFileSystem.Instance, path, temporaryPath, "one"u8);
        Assert.Equal("one", File.ReadAllText(path));
        AtomicFile.Replace(LocalFileSystem.Instance, path, temporaryPath, "two, longer"u8);
        Assert.Equal("two, longer", File.ReadAllText(path));
        Assert.Equal(["CURRENT"], LocalFileSystem.Instance.ListFiles(_directory.Path));
    }

    [Fact]
    public void Every_step_is_durable_before_the_next()
    {
        var recorder = new RecordingFileSystem();
        AtomicFile.Replace(recorder, "d/CURRENT", "d/CURRENT.tmp", "content"u8);
        Assert.Equal(
            "delete d/CURRENT.tmp, open d/CURRENT.tmp, write 7, sync, close, rename d/CURRENT.tmp d/CURRENT, sync directory d",
            string.Join(", ", recorder.Calls));
    }

    /// <summary>Writes down the calls and does nothing.</summary>
    private sealed class RecordingFileSystem : IFileSystem, IFile
    {
        public List<string> Calls { get; } = [];

        public string Path => "";

        public long Length => throw new NotSupportedException();

        public int WriteAlignment => 1;

        public IFile Open(string path, FileOpening opening)
        {
            Assert.Equal(FileOpening.CreateNew, opening);
            Calls.Add($"open {path}");
            return this;
        }

        public void Write(ReadOnlySpan<byte> source, long offset) => Calls.Add($"write {source.Length}");

        public void Sync() => Calls.Add("sync");

        public void Dispose() => Calls.Add("close");

        public void Delete(string path) => Calls.Add($"delete {path}");

        public void Rename(string from, string to) => Calls.Add($"rename {from} {to}");

        public void SyncDirectory(string path) => Calls.Add($"sync directory {path}");

        public bool FileExists(string path) => throw new NotSupportedException();

        public bool DirectoryExists(string path) => throw new NotSupportedException();

        public IReadOnlyList<string> ListFiles(string directory) => throw new NotSupportedException();

        public void CreateDirectory(string path) => throw new NotSupportedException();

        public void Link(string existing, string created) => throw new NotSupportedException();

        public long GetAvailableBytes(string directory) => throw new NotSupportedException();

        public IDisposable Lock(string path, bool exclusive) => throw new NotSupportedException();

        public int Read(Span<byte> destination, long offset) => throw new NotSupportedException();

        public void SetLength(long bytes) => throw new NotSupportedException();

        public void Allocate(long bytes) => throw new NotSupportedException();

        public void AdviseRandomReads() => throw new NotSupportedException();
    }
}
