using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Varve.Native;

/// <summary>
/// The C library's functions, as Linux and macOS declare them for 64 bits (<c>off_t</c>, <c>size_t</c>, <c>ssize_t</c> have 8 bytes).
/// Handles are <see cref="SafeFileHandle"/>s, so a descriptor cannot be closed, and its number reused, during a call.
/// </summary>
/// <remarks>
/// Each function sets errno for <see cref="Marshal.GetLastPInvokeError"/>; that costs 7 ns of calls that take 600 ns and more.
/// <c>open</c> and <c>fcntl</c> are variadic: called with their fixed arguments only they are ordinary functions everywhere; what
/// follows goes on the stack on Apple ARM64, so the forms with a third argument are for Linux only.
/// </remarks>
internal static unsafe partial class Libc
{
    public const int LockShared = 1;
    public const int LockExclusive = 2;
    public const int LockWithoutWaiting = 4;
    public const int SeekEnd = 2;

    private const string Library = "libc";

    [LibraryImport(Library, EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags);

    [LibraryImport(Library, EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int OpenOnLinux(string path, int flags, uint mode);

    [LibraryImport(Library, EntryPoint = "fcntl", SetLastError = true)]
    public static partial int Control(SafeFileHandle file, int command);

    [LibraryImport(Library, EntryPoint = "fcntl", SetLastError = true)]
    public static partial int ControlOnLinux(SafeFileHandle file, int command, long argument);

    [LibraryImport(Library, EntryPoint = "pread", SetLastError = true)]
    public static partial nint Read(SafeFileHandle file, byte* destination, nuint bytes, long offset);

    [LibraryImport(Library, EntryPoint = "preadv2")]
    public static partial nint ReadOnLinux(SafeFileHandle file, MemoryPiece* destinations, int count, long offset, int flags);

    [LibraryImport(Library, EntryPoint = "pwrite", SetLastError = true)]
    public static partial nint Write(SafeFileHandle file, byte* source, nuint bytes, long offset);

    [LibraryImport(Library, EntryPoint = "lseek", SetLastError = true)]
    public static partial long Seek(SafeFileHandle file, long offset, int origin);

    [LibraryImport(Library, EntryPoint = "ftruncate", SetLastError = true)]
    public static partial int SetLength(SafeFileHandle file, long bytes);

    [LibraryImport(Library, EntryPoint = "fallocate", SetLastError = true)]
    public static partial int AllocateOnLinux(SafeFileHandle file, int mode, long offset, long bytes);

    [LibraryImport(Library, EntryPoint = "posix_fadvise")]
    public static partial int AdviseOnLinux(SafeFileHandle file, long offset, long bytes, int advice);

    [LibraryImport(Library, EntryPoint = "fsync", SetLastError = true)]
    public static partial int Sync(SafeFileHandle file);

    [LibraryImport(Library, EntryPoint = "fdatasync", SetLastError = true)]
    public static partial int SyncDataOnLinux(SafeFileHandle file);

    [LibraryImport(Library, EntryPoint = "flock", SetLastError = true)]
    public static partial int Lock(SafeFileHandle file, int operation);

    [LibraryImport(Library, EntryPoint = "mkdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int CreateDirectory(string path, uint mode);

    [LibraryImport(Library, EntryPoint = "unlink", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Unlink(string path);

    [LibraryImport(Library, EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Rename(string from, string to);

    [LibraryImport(Library, EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Link(string existing, string created);

    [LibraryImport(Library, EntryPoint = "geteuid")]
    public static partial uint GetUser();

    [LibraryImport(Library, EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int GetStatusOnLinux(int directory, string path, int flags, uint mask, out LinuxFileStatus status);

    [LibraryImport(Library, EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int GetStatusOnLinux(SafeFileHandle file, string path, int flags, uint mask, out LinuxFileStatus status);

    [LibraryImport(Library, EntryPoint = "mmap", SetLastError = true)]
    public static partial nint Map(nint address, nuint bytes, int protection, int flags, int file, long offset);

    [LibraryImport(Library, EntryPoint = "munmap", SetLastError = true)]
    public static partial int Unmap(nint address, nuint bytes);

    [LibraryImport(Library, EntryPoint = "madvise", SetLastError = true)]
    public static partial int AdviseMemory(nint address, nuint bytes, int advice);

    [LibraryImport(Library, EntryPoint = "mlock", SetLastError = true)]
    public static partial int LockMemory(nint address, nuint bytes);

    [LibraryImport(Library, EntryPoint = "fstatfs", SetLastError = true)]
    public static partial int GetFileSystemOnLinux(SafeFileHandle file, out LinuxFileSystemStatus status);
}

/// <summary>The fields that the engine reads of Linux' <c>struct statx</c>, the same on every architecture.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct LinuxFileStatus
{
    [FieldOffset(0)]
    public uint Mask;

    [FieldOffset(20)]
    public uint Owner;

    [FieldOffset(28)]
    public ushort Mode;

    [FieldOffset(152)]
    public uint DirectMemoryAlignment;

    [FieldOffset(156)]
    public uint DirectOffsetAlignment;
}

/// <summary>The field that the engine reads of Linux' <c>struct statfs</c> on 64 bits; the rest is room for the others.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct LinuxFileSystemStatus
{
    [FieldOffset(0)]
    public long Type;
}

/// <summary>The <c>iovec</c> of 64 bits.</summary>
internal unsafe struct MemoryPiece
{
    public byte* Start;
    public nuint Bytes;
}
