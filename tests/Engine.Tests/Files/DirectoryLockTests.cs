using System.Diagnostics;
using System.Globalization;
using System.Text;
using Varve.Files;

namespace Varve.Tests.Files;

public sealed class DirectoryLockTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly LocalFileSystem _files = LocalFileSystem.Instance;

    private string LockPath => _directory.Of(FileNames.Lock);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_writer_keeps_others_out_and_leaves_its_process_id()
    {
        // A longer id of an owner before.
        File.WriteAllText(LockPath, "2147483647\n");
        using (_files.Lock(LockPath, exclusive: true))
        {
            Assert.Equal($"{Environment.ProcessId}\n", ReadLockFile());
            foreach (bool exclusive in new[] { true, false })
            {
                var refusal = Assert.Throws<DatabaseLockedException>(() => _files.Lock(LockPath, exclusive));
                Assert.Equal(Environment.ProcessId, refusal.OwnerProcessId);
                Assert.Equal(_directory.Path, refusal.Directory);
            }
        }

        Assert.True(File.Exists(LockPath));
        using (_files.Lock(LockPath, exclusive: true))
        {
        }
    }

    [Fact]
    public void A_missing_lock_file_is_made_by_writers_only()
    {
        using (_files.Lock(LockPath, exclusive: false))
            Assert.Empty(_files.ListFiles(_directory.Path));
        using (_files.Lock(LockPath, exclusive: true))
            Assert.Equal([FileNames.Lock], _files.ListFiles(_directory.Path));
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(LockPath));
    }

    [Fact]
    public void Readers_share_and_keep_writers_out_without_naming_a_dead_one()
    {
        File.WriteAllText(LockPath, "4711\n");
        using (_files.Lock(LockPath, exclusive: false))
        using (_files.Lock(LockPath, exclusive: false))
        {
            var refusal = Assert.Throws<DatabaseLockedException>(() => _files.Lock(LockPath, exclusive: true));
            Assert.Equal(0, refusal.OwnerProcessId);
            Assert.Equal("4711\n", ReadLockFile());
        }

        using (_files.Lock(LockPath, exclusive: true))
        {
        }
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("12", 0)]
    [InlineData("12x\n", 0)]
    [InlineData("no number\n", 0)]
    [InlineData("99999999999\n", 0)]
    [InlineData("12\n", 12)]
    public void Only_a_whole_process_id_is_believed(string content, int expected)
    {
        using (_files.Lock(LockPath, exclusive: true))
        {
            WriteLockFile(content);
            Assert.Equal(expected, Assert.Throws<DatabaseLockedException>(() => _files.Lock(LockPath, exclusive: true)).OwnerProcessId);
        }
    }

    [Fact]
    public void A_dead_owners_lock_frees_itself()
    {
        if (!File.Exists("/usr/bin/flock")) return;
        File.WriteAllText(LockPath, "");
        const string writeOwnerAndWait = "echo $$ > \"$0\"; echo held; read line";
        using Process owner = Start("/usr/bin/flock", "--nonblock", "--no-fork", LockPath, "sh", "-c", writeOwnerAndWait, LockPath);
        Assert.Equal("held", owner.StandardOutput.ReadLine());

        int ownerId = int.Parse(ReadLockFile(), CultureInfo.InvariantCulture);
        var refusal = Assert.Throws<DatabaseLockedException>(() => _files.Lock(LockPath, exclusive: true));
        Assert.Equal(ownerId, refusal.OwnerProcessId);
        Assert.Contains(ownerId.ToString(CultureInfo.InvariantCulture), refusal.Message, StringComparison.Ordinal);

        owner.Kill();
        owner.WaitForExit();
        using (_files.Lock(LockPath, exclusive: true))
        {
        }
    }

    [Fact]
    public void A_child_process_does_not_inherit_the_lock()
    {
        if (OperatingSystem.IsWindows()) return;
        IDisposable held = _files.Lock(LockPath, exclusive: true);
        using Process child = Start("/bin/sh", "-c", "echo started; read line");
        Assert.Equal("started", child.StandardOutput.ReadLine());
        held.Dispose();
        using (_files.Lock(LockPath, exclusive: true)) Assert.False(child.HasExited);
        child.Kill();
        child.WaitForExit();
    }

    [Fact]
    public void A_directory_in_place_of_the_file_is_an_error()
    {
        Directory.CreateDirectory(LockPath);
        Assert.Throws<StorageException>(() => _files.Lock(LockPath, exclusive: true));
        Assert.Throws<StorageException>(() => _files.Lock(_directory.Of("absent/LOCK"), exclusive: true));
    }

    // .NET's own ways to read a whole file take the same lock of the system.
    private string ReadLockFile()
    {
        using IFile file = _files.Open(LockPath, FileOpening.Read);
        byte[] content = new byte[file.Length];
        return Encoding.ASCII.GetString(content, 0, file.Read(content, 0));
    }

    private void WriteLockFile(string content)
    {
        using IFile file = _files.Open(LockPath, FileOpening.ReadWrite);
        file.SetLength(0);
        file.Write(Encoding.ASCII.GetBytes(content), 0);
    }

    private static Process Start(string program, params string[] arguments) =>
        Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
}
