using System.Runtime.InteropServices;

namespace Varve.Tests.Bytes;

internal enum GuardSide
{
    Before,
    After,
}

/// <summary>
/// Native memory that touches a page without any right, before its first or behind its last byte: code that reads or writes one byte
/// too far ends the test run. Where mmap is not at hand it is plain memory, and only the results are checked.
/// </summary>
internal sealed unsafe partial class GuardedBuffer : IDisposable
{
    private const int PageBytes = 64 * 1024;    // a multiple of every page size in use
    private readonly byte* _mapping;
    private readonly byte* _data;
    private readonly int _length;
    private readonly nuint _mappedBytes;

    public GuardedBuffer(int length, GuardSide side)
    {
        _length = length;
        _mappedBytes = (nuint)(2 * PageBytes + (length + PageBytes - 1) / PageBytes * PageBytes);
        if (!OperatingSystem.IsLinux())
        {
            _mapping = _data = (byte*)NativeMemory.AllocZeroed((nuint)length + 1);
            return;
        }

        _mapping = Map(null, _mappedBytes, 3, 0x22, -1, 0);
        if (_mapping == (byte*)-1) throw new InvalidOperationException("mmap failed");
        byte* lastPage = _mapping + _mappedBytes - PageBytes;
        Protect(_mapping, PageBytes, 0);
        Protect(lastPage, PageBytes, 0);
        _data = side == GuardSide.Before ? _mapping + PageBytes : lastPage - length;
    }

    public Span<byte> Span => new(_data, _length);

    public void Dispose()
    {
        if (OperatingSystem.IsLinux()) Unmap(_mapping, _mappedBytes);
        else NativeMemory.Free(_mapping);
    }

    private static void Protect(byte* address, nuint length, int protection)
    {
        if (ChangeProtection(address, length, protection) != 0) throw new InvalidOperationException("mprotect failed");
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial byte* Map(void* address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int ChangeProtection(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint length);
}
