using System.Diagnostics;
using Varve.Files;

namespace Varve.Tests.Files;

public sealed class LocalFileSystemTests : IDisposable
{
    private const int NoSuchFile = 2;
    private const int FileExists = 17;
    private const int NotADirectory = 20;

    private readonly TemporaryDirectory _directory = new();
    private readonly LocalFileSystem _files = LocalFileSystem.Instance;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void S16_a_new_file_is_the_owners_alone_and_is_not_made_twice()
    {
        string path = _directory.Of("a");
        using (_files.Open(path, FileOpening.CreateNew))
        {
        }

        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal(FileExists, Error("open", path, () => _files.Open(path, FileOpening.CreateNew)));
        Assert.Equal(FileExists, Error("open", path, () => _files.Open(path, FileOpening.CreateNewDirect)));
    }

    [Theory]
    [InlineData("Read")]
    [InlineData("ReadWrite")]
    public void A_missing_file_is_an_error_that_names_it(string opening)
    {
        string path = _directory.Of("absent");
        var failure = Assert.Throws<StorageException>(() => _files.Open(path, Enum.Parse<FileOpening>(opening)));
        Assert.Equal(NoSuchFile, failure.ErrorCode);
        Assert.Equal("open", failure.Operation);
        Assert.Equal(path, failure.Path);
        Assert.Contains("No such file", failure.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void A_symbolic_link_is_never_followed()
    {
        string target = _directory.Of("target");
        string link = _directory.Of("link");
        File.WriteAllText(target, "kept");
        File.CreateSymbolicLink(link, target);
        foreach (FileOpening opening in Enum.GetValues<FileOpening>())
            Assert.Throws<StorageException>(() => _files.Open(link, opening));
        Assert.Throws<StorageException>(() => _files.Lock(link, exclusive: true));
        Assert.Throws<StorageException>(() => _files.Lock(link, exclusive: false));
        Assert.Equal("kept", File.ReadAllText(target));
    }

    [Fact]
    public void A_pipe_in_place_of_a_file_does_not_block()
    {
        if (!OperatingSystem.IsLinux()) return;
        string path = _directory.Of("pipe");
        using (Process make = Process.Start("mkfifo", [path])) make.WaitForExit();
        using IFile pipe = _files.Open(path, FileOpening.Read);
        Assert.Throws<StorageException>(() => pipe.Length);
        Assert.Throws<StorageException>(() => pipe.Read(new byte[1], 0));
    }

    [Fact]
    public void Files_and_directories_are_told_apart()
    {
        File.WriteAllText(_directory.Of("file"), "");
        Directory.CreateDirectory(_directory.Of("folder"));
        File.CreateSymbolicLink(_directory.Of("folder-link"), _directory.Of("folder"));
        File.CreateSymbolicLink(_directory.Of("dangling"), _directory.Of("nowhere"));

        Assert.True(_files.FileExists(_directory.Of("file")));
        Assert.False(_files.DirectoryExists(_directory.Of("file")));
        Assert.False(_files.FileExists(_directory.Of("folder")));
        Assert.True(_files.DirectoryExists(_directory.Of("folder")));
        Assert.True(_files.DirectoryExists(_directory.Of("folder-link")));
        Assert.True(_files.FileExists(_directory.Of("dangling")));
        Assert.False(_files.FileExists(_directory.Of("absent")));
        Assert.False(_files.FileExists(_directory.Of("file/below")));
        Assert.False(_files.DirectoryExists(_directory.Of("absent/below")));
    }

    [Fact]
    public void Listing_gives_names_of_files_in_ordinal_order()
    {
        foreach (string name in new[] { "b", "A", "a", "B", "000010.table", "000009.table" }) File.WriteAllText(_directory.Of(name), "");
        Directory.CreateDirectory(_directory.Of("folder"));
        Assert.Equal(["000009.table", "000010.table", "A", "B", "a", "b"], _files.ListFiles(_directory.Path));
        Assert.Equal(NoSuchFile, Error("readdir", _directory.Of("absent"), () => _files.ListFiles(_directory.Of("absent"))));
    }

    [Fact]
    public void S16_directories_are_made_with_their_ancestors_for_the_owner_alone()
    {
        string path = _directory.Of("one/two/three");
        _files.CreateDirectory(path + "/");
        _files.CreateDirectory(path);
        foreach (string created in new[] { "one", "one/two", "one/two/three" })
        {
            Assert.True(Directory.Exists(_directory.Of(created)));
            if (OperatingSystem.IsWindows()) continue;
            UnixFileMode ownersAlone = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
            Assert.Equal(ownersAlone, File.GetUnixFileMode(_directory.Of(created)));
        }
    }

    [Fact]
    public void A_file_in_the_way_of_a_directory_is_an_error()
    {
        File.WriteAllText(_directory.Of("file"), "");
        Assert.Equal(FileExists, Error("mkdir", _directory.Of("file"), () => _files.CreateDirectory(_directory.Of("file"))));
        Assert.Throws<StorageException>(() => _files.CreateDirectory(_directory.Of("file/below")));
    }

    [Fact]
    public void Deleting_what_is_not_there_is_no_error()
    {
        File.WriteAllText(_directory.Of("a"), "");
        _files.Delete(_directory.Of("a"));
        _files.Delete(_directory.Of("a"));
        Assert.False(File.Exists(_directory.Of("a")));
        File.WriteAllText(_directory.Of("a"), "");
        Assert.Equal(NotADirectory, Error("unlink", _directory.Of("a/b"), () => _files.Delete(_directory.Of("a/b"))));
    }

    [Fact]
    public void A_rename_replaces_its_target()
    {
        File.WriteAllText(_directory.Of("a"), "new");
        File.WriteAllText(_directory.Of("b"), "old");
        _files.Rename(_directory.Of("a"), _directory.Of("b"));
        Assert.Equal(["b"], _files.ListFiles(_directory.Path));
        Assert.Equal("new", File.ReadAllText(_directory.Of("b")));
        Assert.Equal(NoSuchFile, Error("rename", _directory.Of("a"), () => _files.Rename(_directory.Of("a"), _directory.Of("c"))));
    }

    [Fact]
    public void A_link_is_a_second_name_and_replaces_nothing()
    {
        File.WriteAllText(_directory.Of("a"), "content");
        _files.Link(_directory.Of("a"), _directory.Of("b"));
        _files.Delete(_directory.Of("a"));
        Assert.Equal("content", File.ReadAllText(_directory.Of("b")));

        File.WriteAllText(_directory.Of("c"), "other");
        Assert.Equal(FileExists, Error("link", _directory.Of("c"), () => _files.Link(_directory.Of("b"), _directory.Of("c"))));
        Assert.Equal("other", File.ReadAllText(_directory.Of("c")));
    }

    [Fact]
    public void Syncing_a_directory_that_is_not_there_is_an_error()
    {
        _files.SyncDirectory(_directory.Path);
        Assert.Equal(NoSuchFile, Error("open", _directory.Of("absent"), () => _files.SyncDirectory(_directory.Of("absent"))));
        File.WriteAllText(_directory.Of("file"), "");
        Assert.Equal(NotADirectory, Error("open", _directory.Of("file"), () => _files.SyncDirectory(_directory.Of("file"))));
    }

    [Fact]
    public void Available_bytes_are_those_of_the_file_system_that_holds_the_directory()
    {
        long expected = new DriveInfo(_directory.Path).AvailableFreeSpace;
        long actual = _files.GetAvailableBytes(_directory.Path);
        Assert.InRange(actual, expected / 2, expected * 2);
        Assert.Throws<StorageException>(() => _files.GetAvailableBytes(_directory.Of("absent")));
    }

    [Fact]
    public void Descriptors_are_not_leaked_by_failures()
    {
        if (!OperatingSystem.IsLinux()) return;
        string path = _directory.Of("LOCK");
        File.WriteAllText(path, "");
        using IDisposable held = _files.Lock(path, exclusive: true);
        for (int i = 0; i < 200; i++)
        {
            Assert.Throws<DatabaseLockedException>(() => _files.Lock(path, exclusive: i % 2 == 0));
            Assert.Throws<StorageException>(() => _files.Open(path, FileOpening.CreateNew));
        }

        int open = 0;
        foreach (string descriptor in Directory.GetFiles("/proc/self/fd"))
            if (new FileInfo(descriptor).LinkTarget == path) open++;
        Assert.Equal(1, open);
    }

    private static int Error(string operation, string path, Action call)
    {
        var failure = Assert.Throws<StorageException>(call);
        Assert.Equal(operation, failure.Operation);
        Assert.Equal(path, failure.Path);
        return failure.ErrorCode;
    }
}
