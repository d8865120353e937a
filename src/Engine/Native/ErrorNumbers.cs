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
    public const int NotADirectory = 20;
    public const int InvalidArgument = 22;
    public const int NoSpace = 28;

    private const int QuotaLinux = 122;
    private const int QuotaMac = 69;
    private const int DiskFullWindows = 112;

    /// <summary>True when the system refused for want of room: on the disk, or within a quota.</summary>
    public static bool IsNoSpace(StorageException failure) =>
        OperatingSystem.IsWindows() ? failure.ErrorCode == DiskFullWindows
        : failure.ErrorCode == NoSpace || failure.ErrorCode == (OperatingSystem.IsMacOS() ? QuotaMac : QuotaLinux);

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
