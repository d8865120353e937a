using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Varve.Native;

/// <summary>The calls of Linux, kernel 4.11 and later, x64 and ARM64.</summary>
internal sealed unsafe class LinuxSystemCalls : UnixSystemCalls
{
    // The numbers of open(2); ARM64 has swapped some of them.
    private const int ReadWrite = 0x2;
    private const int Create = 0x40;
    private const int Exclusive = 0x80;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;

    private const uint NewFileMode = 0b110_000_000;
    private const int GetFlagsCommand = 3;
    private const int SetFlagsCommand = 4;
    private const int RandomAdvice = 1;
    private const int OperationNotSupported = 95;

    private const int ReadAndWrite = 0x3;
    private const int Shared = 0x1;

    /// <summary>Kernel 5.14.</summary>
    private const int AdvicePopulateWrite = 23;

    /// <summary>Of preadv2: give what is in memory. Kernel 4.14; file systems that cannot tell refuse it.</summary>
    private const int WithoutWaiting = 0x8;

    private const int CurrentDirectory = -100;
    private const int DoNotFollowLinks = 0x100;
    private const int EmptyPath = 0x1000;
    private const uint TypeMask = 0x1;
    private const uint DirectAlignmentMask = 0x2000;
    private const int ModeTypeBits = 0xF000;
    private const int ModeDirectory = 0x4000;

    /// <summary>
    /// Devices may take 512 bytes, but file systems write whole blocks of their own, nearly always 4 KiB, and take a slow path for
    /// less. Also what is tried where the kernel (before 6.1) does not report an alignment.
    /// </summary>
    private const int DirectAlignmentMin = 4 << 10;

    private static readonly bool IsArm64 = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;
    private static readonly int Directory = IsArm64 ? 0x4000 : 0x10000;
    private static readonly int NoFollow = IsArm64 ? 0x8000 : 0x20000;
    private static readonly int Direct = IsArm64 ? 0x10000 : 0x4000;

    // Not blocking means nothing to a regular file, but the opening of a pipe that somebody put there would wait for ever.
    protected override int OpenReadOnlyFlags => CloseOnExec | NoFollow | NonBlocking;

    protected override int OpenReadWriteFlags => ReadWrite | CloseOnExec | NoFollow | NonBlocking;

    // A database's directory may be reached through a symbolic link, its files may not.
    protected override int OpenDirectoryFlags => CloseOnExec | Directory;

    protected override int WouldBlockError => 11;

    protected override string SyncOperation => "fdatasync";

    public override int ReadCached(SafeFileHandle file, Span<byte> destination, long offset)
    {
        fixed (byte* start = destination)
        {
            var piece = new MemoryPiece { Start = start, Bytes = (nuint)destination.Length };
            try
            {
                return (int)Math.Max(0, Libc.ReadOnLinux(file, &piece, 1, offset, WithoutWaiting));
            }
            catch (EntryPointNotFoundException)
            {
                // An old C library.
                return 0;
            }
        }
    }

    public override int BypassPageCache(SafeFileHandle file, string path)
    {
        bool isReported = Libc.GetStatusOnLinux(file, "", EmptyPath, DirectAlignmentMask, out LinuxFileStatus status) == 0
            && (status.Mask & DirectAlignmentMask) != 0;
        if (isReported && status.DirectOffsetAlignment == 0) return 1;

        // Set afterwards, because open(2) with O_DIRECT may create the file and then refuse it.
        int flags = Libc.ControlOnLinux(file, GetFlagsCommand, 0);
        if (flags < 0 || Libc.ControlOnLinux(file, SetFlagsCommand, flags | Direct) < 0) return 1;

        if (isReported) return (int)Math.Max(DirectAlignmentMin, Math.Max(status.DirectMemoryAlignment, status.DirectOffsetAlignment));
        if (AcceptsAlignedWrite(file)) return DirectAlignmentMin;
        if (Libc.ControlOnLinux(file, SetFlagsCommand, flags) == 0) return 1;
        throw ErrorNumbers.ToException("fcntl", path, Marshal.GetLastPInvokeError());
    }

    public override void Allocate(SafeFileHandle file, string path, long bytes)
    {
        int result;
        do result = Libc.AllocateOnLinux(file, 0, 0, bytes);
        while (IsInterrupted(result));
        if (result == 0) return;

        int error = Marshal.GetLastPInvokeError();
        if (error != OperationNotSupported) throw ErrorNumbers.ToException("fallocate", path, error);
        AllocateByWriting(file, path, bytes);
    }

    public override void AdviseRandomReads(SafeFileHandle file) => _ = Libc.AdviseOnLinux(file, 0, 0, RandomAdvice);

    public override nint TryMap(SafeFileHandle file, int bytes)
    {
        if (!OverwritesInPlace(file)) return 0;
        bool isHeld = false;
        nint address;
        try
        {
            file.DangerousAddRef(ref isHeld);
            address = Libc.Map(0, (nuint)bytes, ReadAndWrite, Shared, (int)file.DangerousGetHandle(), 0);
        }
        finally
        {
            if (isHeld) file.DangerousRelease();
        }

        if (address == -1) return 0;

        // A page that had left memory would be read from the disk by a store, which cannot report that this failed.
        if (Libc.LockMemory(address, (nuint)bytes) == 0 && TryPopulate(address, bytes)) return address;
        Unmap(address, bytes);
        return 0;
    }

    public override bool TryPopulate(nint address, int bytes) => Libc.AdviseMemory(address, (nuint)bytes, AdvicePopulateWrite) == 0;

    public override void Unmap(nint address, int bytes) => _ = Libc.Unmap(address, (nuint)bytes);

    /// <summary>
    /// Those known to do so: ext4 and its elders, XFS, memory. Copying ones want new space for every page that was written back.
    /// </summary>
    private static bool OverwritesInPlace(SafeFileHandle file)
    {
        const long Ext = 0xEF53;
        const long Xfs = 0x58465342;
        const long Memory = 0x01021994;
        return Libc.GetFileSystemOnLinux(file, out LinuxFileSystemStatus status) == 0 && status.Type is Ext or Xfs or Memory;
    }

    public override PathKind GetKind(string path, bool followLinks)
    {
        if (Libc.GetStatusOnLinux(CurrentDirectory, path, followLinks ? 0 : DoNotFollowLinks, TypeMask, out LinuxFileStatus status) == 0)
            return (status.Mode & ModeTypeBits) == ModeDirectory ? PathKind.Directory : PathKind.File;

        int error = Marshal.GetLastPInvokeError();
        return error is ErrorNumbers.NoSuchFile or ErrorNumbers.NotADirectory
            ? PathKind.Nothing
            : throw ErrorNumbers.ToException("statx", path, error);
    }

    protected override SafeFileHandle? TryCreate(string path, out int error)
    {
        int descriptor;
        do descriptor = Libc.OpenOnLinux(path, ReadWrite | Create | Exclusive | CloseOnExec | NoFollow, NewFileMode);
        while (IsInterrupted(descriptor));
        return ToHandle(descriptor, out error);
    }

    protected override int SyncOnce(SafeFileHandle file) => Libc.SyncDataOnLinux(file);

    /// <summary>Writes one block to the still empty file and takes it back.</summary>
    private static bool AcceptsAlignedWrite(SafeFileHandle file)
    {
        byte* block = NativeBytes.Allocate(DirectAlignmentMin, DirectAlignmentMin);
        NativeMemory.Clear(block, DirectAlignmentMin);
        bool isAccepted = Libc.Write(file, block, DirectAlignmentMin, 0) == DirectAlignmentMin;
        NativeBytes.Free(block);
        return Libc.SetLength(file, 0) == 0 && isAccepted;
    }
}
