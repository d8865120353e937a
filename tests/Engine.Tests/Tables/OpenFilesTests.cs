using Varve.Files;
using Varve.Tables;
using Varve.Tests.House;

namespace Varve.Tests.Tables;

public sealed class OpenFilesTests
{
    private readonly CountingFileSystem _fileSystem = new();

    [Fact]
    public void A_leased_file_is_the_tables_and_is_opened_for_random_reads_once()
    {
        using OpenFiles files = Create(filesMax: 4);
        for (int i = 0; i < 3; i++)
        {
            using OpenFiles.FileLease lease = files.Lease(7);
            Assert.Equal(Path.Combine("directory", FileNames.Table(7)), lease.File.Path);
            Assert.Equal(files.PathOf(7), lease.File.Path);
            Assert.True(((CountingFile)lease.File).IsRandom);
        }

        Assert.Equal(1, _fileSystem.Opens);
        Assert.Equal(1, files.OpenCount);
    }

    [Fact]
    public void The_least_recently_used_file_is_closed_before_one_too_many_is_opened()
    {
        using OpenFiles files = Create(filesMax: 3);
        foreach (long number in new long[] { 1, 2, 3, 1, 4 }) files.Lease(number).Dispose();

        Assert.Equal([1, 3, 4], _fileSystem.OpenNumbers);
        Assert.Equal(3, _fileSystem.OpenMost);
        Assert.Equal(3, files.OpenCount);

        files.Lease(2).Dispose();
        Assert.Equal([1, 2, 4], _fileSystem.OpenNumbers);
    }

    [Fact]
    public void Leased_files_stay_open_beyond_the_cap_and_the_count_falls_as_leases_end()
    {
        using OpenFiles files = Create(filesMax: 2);
        OpenFiles.FileLease[] leases = [files.Lease(1), files.Lease(2), files.Lease(3), files.Lease(1)];
        Assert.Equal([1, 2, 3], _fileSystem.OpenNumbers);

        leases[0].Dispose();
        Assert.Equal([1, 2, 3], _fileSystem.OpenNumbers);
        leases[3].Dispose();
        Assert.Equal([2, 3], _fileSystem.OpenNumbers);
        leases[1].Dispose();
        leases[2].Dispose();
        Assert.Equal([2, 3], _fileSystem.OpenNumbers);
    }

    [Fact]
    public void A_forgotten_file_is_closed_at_once_or_by_its_last_lease()
    {
        using OpenFiles files = Create(filesMax: 4);
        files.Lease(1).Dispose();
        OpenFiles.FileLease lease = files.Lease(2);
        files.Forget(1);
        files.Forget(2);
        files.Forget(3);

        Assert.Equal([2], _fileSystem.OpenNumbers);
        Assert.Equal(0, lease.File.Read([], 0));
        lease.Dispose();
        Assert.Empty(_fileSystem.OpenNumbers);
        Assert.Equal(0, files.OpenCount);
    }

    [Fact]
    public void Disposing_closes_idle_files_at_once_and_leased_ones_with_their_lease()
    {
        OpenFiles files = Create(filesMax: 4);
        files.Lease(1).Dispose();
        OpenFiles.FileLease lease = files.Lease(2);
        files.Dispose();

        Assert.Equal([2], _fileSystem.OpenNumbers);
        Assert.Throws<InvariantViolatedException>(() => files.Lease(1));
        lease.Dispose();
        Assert.Empty(_fileSystem.OpenNumbers);
    }

    [Fact]
    public void Two_that_open_the_same_file_at_once_share_one_descriptor()
    {
        using OpenFiles files = Create(filesMax: 4);
        OpenFiles.FileLease inner = default;
        _fileSystem.BeforeOpen = () =>
        {
            _fileSystem.BeforeOpen = null;
            inner = files.Lease(5);
        };

        OpenFiles.FileLease outer = files.Lease(5);

        Assert.Same(inner.File, outer.File);
        Assert.Equal([5], _fileSystem.OpenNumbers);
        Assert.Equal(1, files.OpenCount);
        inner.Dispose();
        outer.Dispose();
        Assert.Equal([5], _fileSystem.OpenNumbers);
    }

    [Fact]
    public void A_file_whose_opening_was_under_way_at_dispose_is_closed_with_its_lease()
    {
        OpenFiles files = Create(filesMax: 4);
        _fileSystem.BeforeOpen = files.Dispose;
        OpenFiles.FileLease lease = files.Lease(5);

        Assert.Equal([5], _fileSystem.OpenNumbers);
        lease.Dispose();
        Assert.Empty(_fileSystem.OpenNumbers);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_failed_open_leaks_nothing_and_the_next_one_may_succeed(bool failsAfterOpening)
    {
        using OpenFiles files = Create(filesMax: 1);
        _fileSystem.FailsAdvice = failsAfterOpening;
        _fileSystem.BeforeOpen = failsAfterOpening ? null : () => throw new StorageException("open", "table", 24, "Too many open files");
        for (int i = 0; i < 3; i++) Assert.Throws<StorageException>(() => files.Lease(1));
        Assert.Equal(0, files.OpenCount);
        Assert.Empty(_fileSystem.OpenNumbers);

        _fileSystem.FailsAdvice = false;
        _fileSystem.BeforeOpen = null;
        files.Lease(1).Dispose();
        Assert.Equal(1, files.OpenCount);
    }

    [Fact]
    public void Leasing_an_open_file_allocates_nothing()
    {
        using OpenFiles files = Create(filesMax: 4);
        files.Lease(1).Dispose();
        files.Lease(2).Dispose();

        Assert.Equal(0, Allocated.By(() =>
        {
            for (int i = 0; i < 1_000; i++) files.Lease(1 + i % 2).Dispose();
        }));
    }

    [Fact]
    public void Threads_never_read_a_closed_file_and_none_is_left_open()
    {
        const int FilesMax = 3;
        const int ThreadCount = 4;
        OpenFiles files = Create(FilesMax);
        Exception? failure = null;
        var threads = new Thread[ThreadCount];
        for (int i = 0; i < ThreadCount; i++)
        {
            int seed = i;
            threads[i] = new Thread(() =>
            {
                try
                {
                    var random = new Random(seed);
                    for (int step = 0; step < 20_000; step++)
                    {
                        int number = random.Next(8);
                        using OpenFiles.FileLease lease = files.Lease(number);
                        Assert.Equal(number, lease.File.Length);
                        lease.File.Read([], 0);
                        if (step % 100 == 0) files.Forget(100 + number);
                    }
                }
                catch (Exception exception)
                {
                    Interlocked.CompareExchange(ref failure, new InvalidOperationException($"seed {seed}", exception), null);
                }
            });
        }

        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        Assert.True(failure is null, failure?.ToString());
        Assert.InRange(files.OpenCount, 1, FilesMax);
        Assert.InRange(_fileSystem.OpenMost, FilesMax, FilesMax + ThreadCount);
        files.Dispose();
        Assert.Empty(_fileSystem.OpenNumbers);
    }

    private OpenFiles Create(int filesMax) => new(_fileSystem, "directory", filesMax);

    /// <summary>Files without content that know whether they are open; a file's length is its number.</summary>
    private sealed class CountingFileSystem : IFileSystem
    {
        private readonly Lock _guard = new();
        private readonly List<CountingFile> _open = [];

        public int Opens { get; private set; }

        public int OpenMost { get; private set; }

        public Action? BeforeOpen { get; set; }

        public bool FailsAdvice { get; set; }

        public long[] OpenNumbers
        {
            get
            {
                lock (_guard) return [.. _open.Select(file => file.Length).Order()];
            }
        }

        public IFile Open(string path, FileOpening opening)
        {
            Assert.Equal(FileOpening.Read, opening);
            Assert.True(FileNames.TryParseTable(Path.GetFileName(path), out long number));
            BeforeOpen?.Invoke();
            var file = new CountingFile(this, path, number);
            lock (_guard)
            {
                Opens++;
                _open.Add(file);
                OpenMost = Math.Max(OpenMost, _open.Count);
            }

            return file;
        }

        public void Close(CountingFile file)
        {
            lock (_guard) Assert.True(_open.Remove(file), $"{file.Path} was closed twice");
        }

        public bool FileExists(string path) => throw new NotSupportedException();

        public bool DirectoryExists(string path) => throw new NotSupportedException();

        public IReadOnlyList<string> ListFiles(string directory) => throw new NotSupportedException();

        public void CreateDirectory(string path) => throw new NotSupportedException();

        public void Delete(string path) => throw new NotSupportedException();

        public void Rename(string from, string to) => throw new NotSupportedException();

        public void Link(string existing, string created) => throw new NotSupportedException();

        public void SyncDirectory(string path) => throw new NotSupportedException();

        public long GetAvailableBytes(string directory) => throw new NotSupportedException();

        public IDisposable Lock(string path, bool exclusive) => throw new NotSupportedException();
    }

    private sealed class CountingFile(CountingFileSystem fileSystem, string path, long number) : IFile
    {
        private volatile bool _isClosed;

        public string Path => path;

        public long Length => number;

        public int WriteAlignment => 1;

        public bool IsRandom { get; private set; }

        public int Read(Span<byte> destination, long offset)
        {
            Assert.False(_isClosed, $"{path} was read after it was closed");
            return 0;
        }

        public void AdviseRandomReads()
        {
            if (fileSystem.FailsAdvice) throw new StorageException("posix_fadvise", path, 5, "Input/output error");
            IsRandom = true;
        }

        public void Dispose()
        {
            _isClosed = true;
            fileSystem.Close(this);
        }

        public void Write(ReadOnlySpan<byte> source, long offset) => throw new NotSupportedException();

        public void Sync() => throw new NotSupportedException();

        public void SetLength(long bytes) => throw new NotSupportedException();

        public void Allocate(long bytes) => throw new NotSupportedException();
    }
}
