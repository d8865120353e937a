using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Varve.Workloads.Measuring;

/// <summary>What Linux says of a process, in bytes; 0 where it does not say.</summary>
internal static unsafe partial class ProcessFigures
{
    private const int CurrentDirectory = -100;
    private const uint StatxBlocks = 0x400;
    private const int StatxBlocksOffset = 48;
    private const int StatxBytes = 256;

    /// <summary>Memory in use now: anonymous, files that are mapped, shared.</summary>
    public static long ResidentBytes(int process) => Read($"/proc/{process}/status", "VmRSS:", 1024);

    /// <summary>The highest it ever was.</summary>
    public static long PeakResidentBytes(int process) => Read($"/proc/{process}/status", "VmHWM:", 1024);

    /// <summary>What the process caused to be written to the device.</summary>
    public static long DiskWrittenBytes(int process) => Read($"/proc/{process}/io", "write_bytes:", 1);

    /// <summary>Time that the calling thread has spent on a processor: comparable also where others disturb the machine.</summary>
    public static double ThreadProcessorSeconds()
    {
        try
        {
            string text = File.ReadAllText("/proc/thread-self/schedstat");
            return long.Parse(text.AsSpan(0, text.IndexOf(' ')), CultureInfo.InvariantCulture) / 1e9;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    /// <summary>
    /// From now on the peak is that of what follows. Not possible everywhere; then the peak is that of the whole process.
    /// </summary>
    public static void ResetPeakOfThisProcess()
    {
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"the peak of resident memory includes what was before: {failure.Message}");
        }
    }

    /// <summary>Open descriptors of this process; 0 where the system does not tell.</summary>
    public static int Descriptors() => Directory.Exists("/proc/self/fd") ? Directory.GetFileSystemEntries("/proc/self/fd").Length : 0;

    /// <summary>What the files of a directory take on the device: reserved room that was never written does not count.</summary>
    public static long DirectoryBytes(string directory) =>
        Directory.Exists(directory)
            ? new DirectoryInfo(directory).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => AllocatedBytes(file.FullName))
            : 0;

    /// <summary>0 when the file has just gone.</summary>
    private static long AllocatedBytes(string path)
    {
        byte* buffer = stackalloc byte[StatxBytes];
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
            return statx(CurrentDirectory, name, 0, StatxBlocks, buffer) == 0 ? *(long*)(buffer + StatxBlocksOffset) * 512 : 0;
    }

    private static long Read(string path, string field, long unitBytes)
    {
        try
        {
            foreach (string line in File.ReadLines(path))
            {
                if (!line.StartsWith(field, StringComparison.Ordinal)) continue;
                string number = line[field.Length..].Replace("kB", "", StringComparison.Ordinal).Trim();
                return long.Parse(number, CultureInfo.InvariantCulture) * unitBytes;
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The process has just ended, or this is no Linux.
        }

        return 0;
    }

    [LibraryImport("libc")] private static partial int statx(int directory, byte* path, int flags, uint mask, byte* buffer);
}
