namespace Varve.Simulation;

internal enum DiskOperation
{
    Open,
    Exists,
    List,
    CreateDirectory,
    Delete,
    Rename,
    Link,
    SyncDirectory,
    GetAvailableBytes,
    Lock,
    Read,
    Write,
    Sync,
    SetLength,
    Allocate,

    /// <summary>Mapping a file, or making mapped bytes take stores: a failure is an answer, not an error.</summary>
    Map,

    /// <summary>Stores into mapped bytes: they cannot fail, only the power can.</summary>
    Store,
}

/// <summary>
/// One call that reaches the simulated disk. The index counts from 1. Offset and bytes are those of a read or write; a new
/// length stands in <paramref name="Bytes"/>.
/// </summary>
internal readonly record struct DiskCall(long Index, DiskOperation Operation, string Path, long Offset, long Bytes);

/// <summary>The error numbers (Linux) that simulated calls fail with.</summary>
internal static class Errors
{
    public const int NoEntry = 2;
    public const int Interrupted = 4;
    public const int InputOutput = 5;
    public const int BadDescriptor = 9;
    public const int NoAccess = 13;
    public const int Exists = 17;
    public const int CrossDevice = 18;
    public const int NotDirectory = 20;
    public const int IsDirectory = 21;
    public const int Invalid = 22;
    public const int TooManyOpen = 24;
    public const int NoSpace = 28;
    public const int Quota = 122;

    public static string Describe(int code) => code switch
    {
        NoEntry => "No such file or directory",
        Interrupted => "Interrupted system call",
        InputOutput => "Input/output error",
        BadDescriptor => "Bad file descriptor",
        NoAccess => "Permission denied",
        Exists => "File exists",
        CrossDevice => "Invalid cross-device link",
        NotDirectory => "Not a directory",
        IsDirectory => "Is a directory",
        Invalid => "Invalid argument",
        TooManyOpen => "Too many open files",
        NoSpace => "No space left on device",
        Quota => "Disk quota exceeded",
        _ => "Unknown error",
    };
}

/// <summary>What a system does with a file's unsynced changes when its sync fails.</summary>
internal enum FailedSync
{
    /// <summary>They stay unsynced; another sync would carry them.</summary>
    LeavesDirty,

    /// <summary>As ext4: some landed; reads go on showing all of them, and the next sync reports success without writing them.</summary>
    MarksClean,

    /// <summary>Some landed; the others are gone, and reads show the old content.</summary>
    DropsUnsynced,
}

/// <summary>What a fault plan makes of a call.</summary>
internal sealed record Fault
{
    private int _landedBytes;
    private bool _landsHalf;

    private Fault()
    {
    }

    /// <summary>The machine goes down in the middle of this call: its effect may be there after the crash, unsynced.</summary>
    public static Fault PowerCut { get; } = new() { IsPowerCut = true };

    public int ErrorCode { get; private init; }

    public FailedSync FailedSync { get; private init; }

    public bool IsPowerCut { get; private init; }

    /// <summary>The call succeeds, and what it reads or leaves is not what it should be.</summary>
    public bool IsDistortion { get; private init; }

    /// <summary>Bytes between the place asked for and the place that is read or written.</summary>
    public long Shift { get; private init; }

    /// <summary>The bit of the bytes that is the wrong way round, taken modulo their number; -1: none.</summary>
    public long FlippedBit { get; private init; } = -1;

    /// <summary>Nothing of a write lands.</summary>
    public bool IsLost { get; private init; }

    /// <summary>A read ends after half of its bytes, as at the end of a file.</summary>
    public bool IsShort { get; private init; }

    /// <summary>The call fails and does nothing; a sync treats the changes as <paramref name="failedSync"/> says.</summary>
    public static Fault Error(int errorCode, FailedSync failedSync = FailedSync.LeavesDirty) =>
        new() { ErrorCode = errorCode, FailedSync = failedSync };

    /// <summary>A write puts its first bytes into the file, then fails; other calls just fail.</summary>
    public static Fault ShortWrite(int errorCode, int landedBytes) => new() { ErrorCode = errorCode, _landedBytes = landedBytes };

    /// <summary>
    /// A write puts the first half of its bytes into the file, whatever their number, then fails; other calls just fail, and a sync
    /// treats the changes as <paramref name="failedSync"/> says.
    /// </summary>
    public static Fault HalfWrite(int errorCode, FailedSync failedSync = FailedSync.LeavesDirty) =>
        new() { ErrorCode = errorCode, FailedSync = failedSync, _landsHalf = true };

    /// <summary>A read gets, or a write changes, the bytes of another place of the file; other calls do what they should.</summary>
    public static Fault Misdirected(long shift) => new() { IsDistortion = true, Shift = shift };

    /// <summary>One bit of what a read gets, or a write leaves, is flipped; other calls do what they should.</summary>
    public static Fault Flipped(long bit) => new() { IsDistortion = true, FlippedBit = bit };

    /// <summary>A read gets the first half of its bytes and no more; other calls do what they should.</summary>
    public static Fault ShortRead() => new() { IsDistortion = true, IsShort = true };

    /// <summary>A write says that it is done and leaves nothing; other calls do what they should.</summary>
    public static Fault LostWrite() => new() { IsDistortion = true, IsLost = true };

    /// <summary>Flips the bit of the bytes that is to be flipped.</summary>
    public void Flip(Span<byte> bytes)
    {
        if (FlippedBit < 0 || bytes.IsEmpty) return;
        long bit = FlippedBit % (bytes.Length * 8L);
        bytes[(int)(bit / 8)] ^= (byte)(1 << (int)(bit % 8));
    }

    /// <summary>How many of its bytes a failing write puts into the file before it fails.</summary>
    public int LandedBytesOf(int writeBytes) => _landsHalf ? writeBytes / 2 : Math.Min(_landedBytes, writeBytes);
}

/// <summary>Ready-made fault plans. An index is that of <see cref="DiskCall.Index"/>.</summary>
internal static class FaultPlan
{
    /// <summary>The call with this index fails, later ones succeed.</summary>
    public static Func<DiskCall, Fault?> Once(long index, Fault fault) => call => call.Index == index ? fault : null;

    /// <summary>The call with this index and all later ones fail.</summary>
    public static Func<DiskCall, Fault?> From(long index, Fault fault) => call => call.Index >= index ? fault : null;

    public static Func<DiskCall, Fault?> PowerCutAt(long index) => Once(index, Fault.PowerCut);

    /// <summary>The n-th matching call (from 1) fails; with <paramref name="forEver"/> all matching ones from there on.</summary>
    public static Func<DiskCall, Fault?> Matching(Func<DiskCall, bool> matches, Fault fault, long nth = 1, bool forEver = false)
    {
        long seen = 0;
        return call => matches(call) && (++seen == nth || (forEver && seen > nth)) ? fault : null;
    }
}

/// <summary>The simulated machine is off: every call on its disk ends so until the test takes the disk of the restarted one.</summary>
internal sealed class SimulatedPowerCutException() : IOException("The simulated machine has no power.");
