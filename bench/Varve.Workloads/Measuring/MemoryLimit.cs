using System.Globalization;
using System.Runtime.InteropServices;

namespace Varve.Workloads.Measuring;

/// <summary>
/// A control group of Linux whose processes and page cache may take so much memory together. Version 1: below the group this process is
/// in, so that its own limits stay. Version 2: beside it, since a group with processes of its own cannot hand memory on.
/// </summary>
internal sealed partial class MemoryLimit : IDisposable
{
    private const string Root = "/sys/fs/cgroup";
    private const int DoNotNeed = 4;

    private readonly string _directory;

    private MemoryLimit(string directory, long bytes)
    {
        _directory = directory;
        Bytes = bytes;
    }

    public long Bytes { get; }

    /// <summary>The file that takes the number of a process that is to join.</summary>
    public string ProcessesPath => Path.Combine(_directory, "cgroup.procs");

    /// <summary>Makes the group; null, with the reason, where that is not possible: it mostly takes the rights of root.</summary>
    public static MemoryLimit? TryCreate(long bytes, out string reason)
    {
        reason = "this is not Linux";
        if (!OperatingSystem.IsLinux()) return null;
        string name = $"varve-workloads-{Environment.ProcessId}";
        try
        {
            string version1 = Path.Combine(Root, "memory");
            bool isVersion1 = Directory.Exists(version1);
            string own = GroupOfThisProcess(isVersion1 ? "memory" : "");
            string parent = isVersion1 ? version1 + own : Root + (Path.GetDirectoryName(own) ?? "/");
            string directory = Path.Combine(parent, name);
            Directory.CreateDirectory(directory);
            File.WriteAllText(
                Path.Combine(directory, isVersion1 ? "memory.limit_in_bytes" : "memory.max"), bytes.ToString(CultureInfo.InvariantCulture));
            return new MemoryLimit(directory, bytes);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            reason = failure.Message;
            return null;
        }
    }

    /// <summary>
    /// Takes the files of a directory out of the page cache: pages that another group has read would be free for this one.
    /// </summary>
    public static void DropPageCache(string directory)
    {
        foreach (string path in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories))
        {
            using Microsoft.Win32.SafeHandles.SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
            RandomAccess.FlushToDisk(file);
            int result = posix_fadvise((int)file.DangerousGetHandle(), 0, 0, DoNotNeed);
            if (result != 0) throw new IOException($"{path}: the page cache was not given back, error {result}.");
        }
    }

    /// <summary>Every process of it has ended.</summary>
    public void Dispose()
    {
        try
        {
            Directory.Delete(_directory);
        }
        catch (IOException failure)
        {
            Console.Error.WriteLine($"{_directory} is left behind: {failure.Message}");
        }
    }

    /// <summary>A line is number:controllers:path; without controllers it is the one hierarchy of version 2.</summary>
    private static string GroupOfThisProcess(string controller)
    {
        foreach (string line in File.ReadLines("/proc/self/cgroup"))
        {
            string[] parts = line.Split(':', 3);
            if (parts.Length == 3 && parts[1].Split(',').Contains(controller)) return parts[2];
        }

        throw new InvalidDataException("no control group for memory is named in /proc/self/cgroup");
    }

    [LibraryImport("libc")] private static partial int posix_fadvise(int file, long offset, long length, int advice);
}
