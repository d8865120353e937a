using System.Runtime.InteropServices;

namespace Varve.Simulation;

/// <summary>
/// Memory between two pages that nobody may touch: a decoder that reads or writes behind its span, or before it, ends the process at once,
/// and the crash names it. Where the system knows no such pages, the memory is of exactly the size asked for.
/// </summary>
internal sealed unsafe partial class GuardedBytes : IDisposable
{
    private const int PageBytes = 16 << 10;
    private const int ReadAndWrite = 3;
    private const int PrivateAnonymous = 0x22;
    private const byte Filling = 0xA5;

    private readonly nuint _bytes;
    private readonly byte* _start;

    /// <param name="bytesMax">The most that is asked for.</param>
    public GuardedBytes(int bytesMax)
    {
        _bytes = (nuint)((bytesMax + PageBytes - 1) & -PageBytes);
        if (!OperatingSystem.IsLinux()) return;
        nint mapped = Map(0, _bytes + 2 * PageBytes, 0, PrivateAnonymous, -1, 0);
        if (mapped == -1 || Protect(mapped + PageBytes, _bytes, ReadAndWrite) != 0)
            throw new InvalidOperationException($"No guarded memory: error {Marshal.GetLastPInvokeError()}.");
        _start = (byte*)mapped + PageBytes;
    }

    /// <summary>A copy that ends, with the slack behind it, where the memory does.</summary>
    public Span<byte> PlaceAtEnd(ReadOnlySpan<byte> content, int slackBytes = 0)
    {
        Span<byte> place = _start is null
            ? new byte[content.Length + slackBytes]
            : new Span<byte>(_start + _bytes - content.Length - slackBytes, content.Length + slackBytes);
        content.CopyTo(place);
        place[content.Length..].Fill(Filling);
        return place[..content.Length];
    }

    /// <summary>A copy that begins where the memory does.</summary>
    public Span<byte> PlaceAtStart(ReadOnlySpan<byte> content)
    {
        Span<byte> place = _start is null ? new byte[content.Length] : new Span<byte>(_start, content.Length);
        content.CopyTo(place);
        return place;
    }

    public void Dispose()
    {
        if (_start is not null) _ = Unmap((nint)_start - PageBytes, _bytes + 2 * PageBytes);
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nuint bytes, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(nint address, nuint bytes, int protection);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Unmap(nint address, nuint bytes);
}
