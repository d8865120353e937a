using System.Runtime.InteropServices;

namespace Varve.Native;

/// <summary>The error numbers that the engine acts on. Only those that Linux and macOS share stand here.</summary>
internal static class ErrorNumbers
{
    public const int OperationNotPermitted = 1;
    public const int NoSuchFile = 2;
    public const int Interrupted = 4;
    public const int InputOutput = 5;
    public const int AccessDenied = 13;
    public const int FileExists = 17;
    public const int CrossDevice = 18;
    public const int NotADirectory = 20;
    public const int InvalidArgument = 22;
    public const int NoSpace = 28;

    private const int TooManyLinks = 31;
    private const int QuotaLinux = 122;
    private const int QuotaMac = 69;
    private const int NotSupportedLinux = 95;
    private const int NotSupportedMac = 45;
    private const int DiskFullWindows = 112;
    private const int InvalidFunctionWindows = 1;
    private const int NotSameDeviceWindows = 17;
    private const int NotSupportedWindows = 50;
    private const int TooManyLinksWindows = 1142;

    /// <summary>True when the system refused for want of room: on the disk, or within a quota.</summary>
    public static bool IsNoSpace(StorageException failure) =>
        OperatingSystem.IsWindows() ? failure.ErrorCode == DiskFullWindows
        : failure.ErrorCode == NoSpace || failure.ErrorCode == (OperatingSystem.IsMacOS() ? QuotaMac : QuotaLinux);

    /// <summary>
    /// True when a hard link cannot be had here but a copy may: another file system, one without links, or too many of them.
    /// </summary>
    public static bool IsLinkRefusal(StorageException failure) => OperatingSystem.IsWindows()
        ? failure.ErrorCode is NotSameDeviceWindows or InvalidFunctionWindows or NotSupportedWindows or TooManyLinksWindows
        : failure.ErrorCode is CrossDevice or OperationNotPermitted or TooManyLinks
            || failure.ErrorCode == (OperatingSystem.IsMacOS() ? NotSupportedMac : NotSupportedLinux);

    /// <summary>True when it was a sync that failed: nobody knows what of the file is on disk.</summary>
    public static bool IsSync(StorageException failure) =>
        failure.Operation is "fdatasync" or "fsync" or "fcntl(F_FULLFSYNC)" or "FlushFileBuffers";

    /// <summary>The exception for an error number of the system.</summary>
    public static StorageException ToException(string operation, string path, int errorNumber) =>
        new(operation, path, errorNumber, Marshal.GetPInvokeErrorMessage(errorNumber));

    /// <summary>The exception for a failure that .NET reported as an exception of its own.</summary>
    public static StorageException ToException(string operation, string path, Exception failure) =>
        new(operation, path, FromException(failure), failure.Message);

    /// <summary>True for the exceptions by which .NET reports that the system refused.</summary>
    public static bool IsRefusal(Exception failure) => failure is IOException or UnauthorizedAccessException;

    private static int FromException(Exception failure)
    {
        // On Unix most failures carry errno as HResult, but the commonest have types, and HResults, taken from Windows.
        if (!OperatingSystem.IsWindows())
        {
            if (failure is FileNotFoundException or DirectoryNotFoundException) return NoSuchFile;
            if (failure is UnauthorizedAccessException) return AccessDenied;
        }

        return failure.HResult & 0xFFFF;
    }
}
