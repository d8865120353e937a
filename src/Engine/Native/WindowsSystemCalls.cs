using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Varve.Native;

/// <summary>
/// The calls of Windows, through .NET where it checks results. Written from the documentation, not verified on a machine.
/// </summary>
internal sealed partial class WindowsSystemCalls : SystemCalls
{
    private const int SharingViolation = 32;
    private const FileShare ShareAll = FileShare.ReadWrite | FileShare.Delete;

    public override SafeFileHandle OpenExisting(string path, bool writable) =>
        Open(path, FileMode.Open, writable ? FileAccess.ReadWrite : FileAccess.Read, ShareAll);

    public override SafeFileHandle CreateNew(string path) => Open(path, FileMode.CreateNew, FileAccess.ReadWrite, ShareAll);

    public override int BypassPageCache(SafeFileHandle file, string path) => 1;

    /// <summary>By sharing modes: a writer lets others open for reading only, and readers let nobody open for writing.</summary>
    public override LockOutcome TryLock(string path, bool exclusive, out SafeFileHandle? handle)
    {
        handle = null;
        if (!exclusive && !File.Exists(path)) return LockOutcome.NoFile;
        try
        {
            handle = exclusive
                ? Open(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read)
                : Open(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            return LockOutcome.Acquired;
        }
        catch (StorageException refusal) when (refusal.ErrorCode == SharingViolation)
        {
            return LockOutcome.HeldByWriter;
        }
    }

    public override int Read(SafeFileHandle file, string path, Span<byte> destination, long offset)
    {
        try
        {
            int done = 0;
            while (done < destination.Length)
            {
                int count = RandomAccess.Read(file, destination[done..], offset + done);
                if (count == 0) break;
                done += count;
            }

            return done;
        }
        catch (Exception failure) when (ErrorNumbers.IsRefusal(failure))
        {
            throw ErrorNumbers.ToException("ReadFile", path, failure);
        }
    }

    public override void Write(SafeFileHandle file, string path, ReadOnlySpan<byte> source, long offset)
    {
        try
        {
            RandomAccess.Write(file, source, offset);
        }
        catch (Exception failure) when (ErrorNumbers.IsRefusal(failure))
        {
            throw ErrorNumbers.ToException("WriteFile", path, failure);
        }
    }

    public override long GetLength(SafeFileHandle file, string path) => Checked("GetFileSizeEx", path, () => RandomAccess.GetLength(file));

    public override void SetLength(SafeFileHandle file, string path, long bytes) =>
        Checked("SetEndOfFile", path, () => RandomAccess.SetLength(file, bytes));

    /// <summary>Raising the length takes the space here, unless the file is compressed or sparse.</summary>
    public override void Allocate(SafeFileHandle file, string path, long bytes)
    {
        if (GetLength(file, path) < bytes) SetLength(file, path, bytes);
    }

    public override void Sync(SafeFileHandle file, string path) => Checked("FlushFileBuffers", path, () => RandomAccess.FlushToDisk(file));

    /// <summary>Nothing to do: this system reads ahead little by itself.</summary>
    public override void AdviseRandomReads(SafeFileHandle file)
    {
    }

    public override PathKind GetKind(string path, bool followLinks) =>
        Directory.Exists(path) ? PathKind.Directory : File.Exists(path) ? PathKind.File : PathKind.Nothing;

    public override void CreateDirectory(string path) => Checked("CreateDirectory", path, () => { Directory.CreateDirectory(path); });

    public override void Delete(string path) => Checked("DeleteFile", path, () => File.Delete(path));

    public override void Rename(string from, string to) => Checked("MoveFileEx", from, () => File.Move(from, to, overwrite: true));

    public override void Link(string existing, string created)
    {
        if (!CreateHardLink(created, existing, 0)) throw ErrorNumbers.ToException("CreateHardLink", created, Marshal.GetLastPInvokeError());
    }

    /// <summary>NTFS logs its names itself, and a directory cannot be flushed.</summary>
    public override bool TrySyncDirectory(string path) => true;

    [LibraryImport("kernel32", EntryPoint = "CreateHardLinkW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool CreateHardLink(string created, string existing, nint securityAttributes);

    private static SafeFileHandle Open(string path, FileMode mode, FileAccess access, FileShare share) =>
        Checked("CreateFile", path, () => File.OpenHandle(path, mode, access, share));

    private static void Checked(string operation, string path, Action call) =>
        Checked(operation, path, () =>
        {
            call();
            return true;
        });

    private static T Checked<T>(string operation, string path, Func<T> call)
    {
        try
        {
            return call();
        }
        catch (Exception failure) when (ErrorNumbers.IsRefusal(failure))
        {
            throw ErrorNumbers.ToException(operation, path, failure);
        }
    }
}
