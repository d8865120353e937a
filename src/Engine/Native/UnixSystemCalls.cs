using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Varve.Native;

/// <summary>What Linux and macOS do alike.</summary>
internal abstract unsafe class UnixSystemCalls : SystemCalls
{
    private const uint DirectoryMode = 0b111_000_000;
    private const int ZeroesBytes = 256 << 10;
    private const int ZeroesAlignment = 4 << 10;

    /// <summary>Two openers may create the lock file at once; the loser then finds it.</summary>
    private const int LockOpeningsMax = 3;

    protected abstract int OpenReadOnlyFlags { get; }

    protected abstract int OpenReadWriteFlags { get; }

    protected abstract int OpenDirectoryFlags { get; }

    protected abstract int WouldBlockError { get; }

    protected abstract string SyncOperation { get; }

    public override SafeFileHandle OpenExisting(string path, bool writable) =>
        TryOpen(path, writable ? OpenReadWriteFlags : OpenReadOnlyFlags, out int error)
        ?? throw ErrorNumbers.ToException("open", path, error);

    public override SafeFileHandle CreateNew(string path) =>
        TryCreate(path, out int error) ?? throw ErrorNumbers.ToException("open", path, error);

    public override LockOutcome TryLock(string path, bool exclusive, out SafeFileHandle? handle)
    {
        handle = OpenLock(path, exclusive);
        if (handle is null) return LockOutcome.NoFile;

        LockOutcome outcome = TryLock(handle, path, exclusive);
        if (outcome == LockOutcome.Acquired) return outcome;

        handle.Dispose();
        handle = null;
        return outcome;
    }

    public override int Read(SafeFileHandle file, string path, Span<byte> destination, long offset)
    {
        int done = 0;
        fixed (byte* start = destination)
        {
            while (done < destination.Length)
            {
                // SAFETY: start + done and the length given lie inside destination, because done < destination.Length.
                nint count = Libc.Read(file, start + done, (nuint)(destination.Length - done), offset + done);
                if (count == 0) break;
                if (count > 0) done += (int)count;
                else if (!IsInterrupted(count)) throw LastError("pread", path);
            }
        }

        return done;
    }

    public override void Write(SafeFileHandle file, string path, ReadOnlySpan<byte> source, long offset)
    {
        int done = 0;
        fixed (byte* start = source)
        {
            while (done < source.Length)
            {
                // SAFETY: start + done and the length given lie inside source, because done < source.Length.
                nint count = Libc.Write(file, start + done, (nuint)(source.Length - done), offset + done);
                if (count > 0) done += (int)count;
                else if (count == 0) throw new StorageException("pwrite", path, ErrorNumbers.InputOutput, "The system wrote nothing");
                else if (!IsInterrupted(count)) throw LastError("pwrite", path);
            }
        }
    }

    public override long GetLength(SafeFileHandle file, string path)
    {
        // The position this moves is used by nobody: reads and writes name theirs.
        long bytes = Libc.Seek(file, 0, Libc.SeekEnd);
        return bytes >= 0 ? bytes : throw LastError("lseek", path);
    }

    public override void SetLength(SafeFileHandle file, string path, long bytes)
    {
        int result;
        do result = Libc.SetLength(file, bytes);
        while (IsInterrupted(result));
        if (result < 0) throw LastError("ftruncate", path);
    }

    /// <summary>Writes zeroes behind the end, where there is no call to allocate. Holes before the end stay.</summary>
    internal void AllocateByWriting(SafeFileHandle file, string path, long bytes)
    {
        long length = GetLength(file, path);
        if (length >= bytes) return;

        // Whole aligned blocks, so that it works on files that bypass the page cache; the end's own block is on disk already.
        byte* zeroes = NativeBytes.Allocate(ZeroesBytes, ZeroesAlignment);
        try
        {
            NativeMemory.Clear(zeroes, ZeroesBytes);
            for (long offset = RoundUp(length); offset < bytes; offset += ZeroesBytes)
            {
                int count = (int)Math.Min(ZeroesBytes, RoundUp(bytes - offset));
                Write(file, path, new ReadOnlySpan<byte>(zeroes, count), offset);
            }
        }
        finally
        {
            NativeBytes.Free(zeroes);
        }

        SetLength(file, path, bytes);
    }

    public override void Sync(SafeFileHandle file, string path)
    {
        int result;
        do result = SyncOnce(file);
        while (IsInterrupted(result));
        if (result < 0) throw LastError(SyncOperation, path);
    }

    public override void CreateDirectory(string path)
    {
        if (Libc.CreateDirectory(path, DirectoryMode) == 0) return;
        int error = Marshal.GetLastPInvokeError();
        if (error == ErrorNumbers.FileExists && GetKind(path, followLinks: true) == PathKind.Directory) return;
        throw ErrorNumbers.ToException("mkdir", path, error);
    }

    public override void Delete(string path)
    {
        if (Libc.Unlink(path) == 0) return;
        int error = Marshal.GetLastPInvokeError();
        if (error != ErrorNumbers.NoSuchFile) throw ErrorNumbers.ToException("unlink", path, error);
    }

    public override void Rename(string from, string to)
    {
        if (Libc.Rename(from, to) < 0) throw LastError("rename", from);
    }

    public override void Link(string existing, string created)
    {
        if (Libc.Link(existing, created) < 0) throw LastError("link", created);
    }

    public override bool TrySyncDirectory(string path)
    {
        using SafeFileHandle? directory = TryOpen(path, OpenDirectoryFlags, out int error);
        if (directory is null)
        {
            return error is ErrorNumbers.AccessDenied or ErrorNumbers.OperationNotPermitted
                ? false
                : throw ErrorNumbers.ToException("open", path, error);
        }

        int result;
        do result = Libc.Sync(directory);
        while (IsInterrupted(result));
        if (result == 0) return true;

        // EINVAL says that the file system has no sync of directories (some network and FUSE ones); nothing was lost.
        error = Marshal.GetLastPInvokeError();
        return error == ErrorNumbers.InvalidArgument ? true : throw ErrorNumbers.ToException("fsync", path, error);
    }

    /// <summary>Creates a file; null with the error number when that fails.</summary>
    protected abstract SafeFileHandle? TryCreate(string path, out int error);

    /// <summary>The call that makes a file's data and length durable, also in the drive's cache.</summary>
    protected abstract int SyncOnce(SafeFileHandle file);

    protected static SafeFileHandle? ToHandle(int descriptor, out int error)
    {
        error = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        return descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    /// <summary>True when a signal came before the call had done anything, so that it is to be made again.</summary>
    protected static bool IsInterrupted(nint result) => result < 0 && Marshal.GetLastPInvokeError() == ErrorNumbers.Interrupted;

    private static SafeFileHandle? TryOpen(string path, int flags, out int error)
    {
        int descriptor;
        do descriptor = Libc.Open(path, flags);
        while (IsInterrupted(descriptor));
        return ToHandle(descriptor, out error);
    }

    private SafeFileHandle? OpenLock(string path, bool exclusive)
    {
        for (int openings = 1; ; openings++)
        {
            SafeFileHandle? handle = TryOpen(path, exclusive ? OpenReadWriteFlags : OpenReadOnlyFlags, out int error);
            if (handle is not null) return handle;
            if (error == ErrorNumbers.NoSuchFile && !exclusive) return null;
            if (error == ErrorNumbers.NoSuchFile) handle = TryCreate(path, out error);
            if (handle is not null) return handle;
            if (error != ErrorNumbers.FileExists || openings == LockOpeningsMax) throw ErrorNumbers.ToException("open", path, error);
        }
    }

    private LockOutcome TryLock(SafeFileHandle handle, string path, bool exclusive)
    {
        if (TryLock(handle, path, exclusive ? Libc.LockExclusive : Libc.LockShared)) return LockOutcome.Acquired;

        // Only beside readers a shared lock is granted: then what the file says of a writer is history.
        bool readersHoldIt = exclusive && TryLock(handle, path, Libc.LockShared);
        return readersHoldIt ? LockOutcome.HeldByReaders : LockOutcome.HeldByWriter;
    }

    private bool TryLock(SafeFileHandle handle, string path, int operation)
    {
        int result;
        do result = Libc.Lock(handle, operation | Libc.LockWithoutWaiting);
        while (IsInterrupted(result));
        if (result == 0) return true;

        int error = Marshal.GetLastPInvokeError();
        return error == WouldBlockError ? false : throw ErrorNumbers.ToException("flock", path, error);
    }

    private static long RoundUp(long bytes) => (bytes + ZeroesAlignment - 1) / ZeroesAlignment * ZeroesAlignment;

    private static StorageException LastError(string operation, string path) =>
        ErrorNumbers.ToException(operation, path, Marshal.GetLastPInvokeError());
}
