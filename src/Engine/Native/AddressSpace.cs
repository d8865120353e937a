using System.Runtime.InteropServices;

namespace Varve.Native;

/// <summary>
/// Address space without memory: a page takes memory when it is first touched, and can give it back while the address stays.
/// Nothing here is ever unmapped, so that a pointer kept too long reads anything but never faults.
/// </summary>
/// <remarks>Linux is verified by tests; macOS and Windows are written from their documentation and not verified.</remarks>
internal static unsafe partial class AddressSpace
{
    /// <summary>Size and alignment of the huge pages of x64 and ARM64: one table entry of the processor instead of 512.</summary>
    public const long HugePageBytes = 2L << 20;

    private const int ReadAndWrite = 0x3;
    private const int Private = 0x2;
    private const int Fixed = 0x10;
    private const int AdviceDiscard = 4;
    private const int AdviceHugePages = 14;

    private const uint WindowsReserve = 0x2000;
    private const uint WindowsCommit = 0x1000;
    private const uint WindowsReadAndWrite = 0x4;

    /// <summary>MAP_ANONYMOUS and MAP_NORESERVE.</summary>
    private static readonly int Unbacked = OperatingSystem.IsMacOS() ? 0x1000 | 0x40 : 0x20 | 0x4000;

    /// <summary>
    /// Takes address space, aligned to <see cref="HugePageBytes"/>, of which <paramref name="bytes"/> must be a multiple. Its pages
    /// read as zero. Null when the system refuses.
    /// </summary>
    public static byte* TryReserve(long bytes) => OperatingSystem.IsWindows() ? TryReserveOnWindows(bytes) : TryReserveOnUnix(bytes);

    /// <summary>Gives the memory of whole pages back; touched again they take it anew. False when the system keeps it.</summary>
    public static bool TryDiscard(byte* address, long bytes)
    {
        if (OperatingSystem.IsWindows()) return DiscardVirtualMemory((nint)address, (nuint)bytes) == 0;
        if (!OperatingSystem.IsMacOS()) return Libc.AdviseMemory((nint)address, (nuint)bytes, AdviceDiscard) == 0;

        // There the advice is only a hint; new pages in the place of the old ones are certain.
        return Libc.Map((nint)address, (nuint)bytes, ReadAndWrite, Private | Unbacked | Fixed, -1, 0) == (nint)address;
    }

    private static byte* TryReserveOnUnix(long bytes)
    {
        // One huge page more than asked for, so that an aligned start is inside; what is before and behind goes back.
        nint mapped = Libc.Map(0, (nuint)(bytes + HugePageBytes), ReadAndWrite, Private | Unbacked, -1, 0);
        if (mapped == -1) return null;

        nint start = AlignUp(mapped);
        nint before = start - mapped;
        if (before > 0) _ = Libc.Unmap(mapped, (nuint)before);
        _ = Libc.Unmap(start + (nint)bytes, (nuint)(HugePageBytes - before));

        // Refused by kernels built without huge pages: then small ones have to do.
        if (OperatingSystem.IsLinux()) _ = Libc.AdviseMemory(start, (nuint)bytes, AdviceHugePages);
        return (byte*)start;
    }

    private static byte* TryReserveOnWindows(long bytes)
    {
        nint reserved = VirtualAlloc(0, (nuint)(bytes + HugePageBytes), WindowsReserve, WindowsReadAndWrite);
        return reserved == 0 ? null : (byte*)VirtualAlloc(AlignUp(reserved), (nuint)bytes, WindowsCommit, WindowsReadAndWrite);
    }

    private static nint AlignUp(nint address) => (nint)((address + HugePageBytes - 1) & ~(HugePageBytes - 1));

    [LibraryImport("kernel32")]
    private static partial nint VirtualAlloc(nint address, nuint bytes, uint type, uint protection);

    [LibraryImport("kernel32")]
    private static partial uint DiscardVirtualMemory(nint address, nuint bytes);
}
