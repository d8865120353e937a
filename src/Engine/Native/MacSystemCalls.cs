using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Varve.Native;

/// <summary>The calls of macOS. Written from the documentation, not verified on a machine.</summary>
[SupportedOSPlatform("macos")]
internal sealed class MacSystemCalls : UnixSystemCalls
{
    private const int ReadWrite = 0x2;
    private const int NonBlocking = 0x4;
    private const int NoFollow = 0x100;
    private const int Directory = 0x100000;
    private const int CloseOnExec = 0x1000000;

    /// <summary><c>F_FULLFSYNC</c>: empties the drive's cache too, which <c>fsync</c> does not on this system.</summary>
    private const int SyncToPlatterCommand = 51;

    protected override int OpenReadOnlyFlags => CloseOnExec | NoFollow | NonBlocking;

    protected override int OpenReadWriteFlags => ReadWrite | CloseOnExec | NoFollow | NonBlocking;

    protected override int OpenDirectoryFlags => CloseOnExec | Directory;

    protected override int WouldBlockError => 35;

    protected override string SyncOperation => "fcntl(F_FULLFSYNC)";

    public override int BypassPageCache(SafeFileHandle file, string path) => 1;

    /// <summary>The call for it is variadic (see <see cref="Libc"/>).</summary>
    public override void Allocate(SafeFileHandle file, string path, long bytes) => AllocateByWriting(file, path, bytes);

    /// <summary>Takes no advice: the call for it is variadic (see <see cref="Libc"/>).</summary>
    public override void AdviseRandomReads(SafeFileHandle file)
    {
    }

    public override PathKind GetKind(string path, bool followLinks)
    {
        try
        {
            FileAttributes attributes = File.GetAttributes(path);
            bool isLink = (attributes & FileAttributes.ReparsePoint) != 0;
            if (isLink && !followLinks) return PathKind.File;
            return (attributes & FileAttributes.Directory) != 0 ? PathKind.Directory : PathKind.File;
        }
        catch (Exception absence) when (absence is FileNotFoundException or DirectoryNotFoundException)
        {
            return PathKind.Nothing;
        }
        catch (Exception failure) when (ErrorNumbers.IsRefusal(failure))
        {
            throw ErrorNumbers.ToException("lstat", path, failure);
        }
    }

    /// <summary>Through .NET, because <c>open</c> with a mode is variadic (see <see cref="Libc"/>).</summary>
    protected override SafeFileHandle? TryCreate(string path, out int error)
    {
        try
        {
            error = 0;
            var options = new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.ReadWrite,
                Share = FileShare.ReadWrite | FileShare.Delete,
                BufferSize = 0,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            };
            using (new FileStream(path, options))
            {
            }
        }
        catch (Exception failure) when (ErrorNumbers.IsRefusal(failure))
        {
            error = ErrorNumbers.ToException("open", path, failure).ErrorCode;
            return null;
        }

        return OpenExisting(path, writable: true);
    }

    protected override int SyncOnce(SafeFileHandle file) => Libc.Control(file, SyncToPlatterCommand);
}
