using System.Diagnostics;
using System.Globalization;

namespace Varve.Cli.Torture;

/// <summary>
/// A small ext4 file system of its own in a file, mounted: it can be filled and made read-only. Needs root and loop devices.
/// </summary>
internal sealed class LoopDisk : IDisposable
{
    private const long ImageBytes = 256L << 20;

    private readonly string _image;

    private LoopDisk(string image, string mountPoint)
    {
        _image = image;
        MountPoint = mountPoint;
    }

    public string MountPoint { get; }

    private string BallastPath => Path.Combine(MountPoint, "ballast");

    /// <summary>Null where the machine does not allow it; then <paramref name="why"/> says what it lacks.</summary>
    public static LoopDisk? TryCreate(string folder, out string why)
    {
        why = "it takes Linux and root";
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess) return null;
        string image = Path.Combine(folder, "disk.img");
        string mountPoint = Path.Combine(folder, "disk");
        Directory.CreateDirectory(mountPoint);
        using (FileStream file = File.Create(image)) file.SetLength(ImageBytes);
        if (!TryRun(out why, "mkfs.ext4", "-q", "-F", "-m", "0", image)) return null;
        return TryRun(out why, "mount", "-o", "loop", image, mountPoint) ? new LoopDisk(image, mountPoint) : null;
    }

    /// <summary>Takes all room but so much.</summary>
    public void Fill(long leaveBytes)
    {
        long free = new DriveInfo(MountPoint).AvailableFreeSpace;
        long ballast = free - leaveBytes;
        if (ballast > 0) TryRun(out _, "fallocate", "-l", ballast.ToString(CultureInfo.InvariantCulture), BallastPath);
    }

    public void MakeRoom() => File.Delete(BallastPath);

    /// <summary>As an operator does it; refused while a file is open for writing.</summary>
    public bool TryRemount(bool isReadOnly, out string why) =>
        TryRun(out why, "mount", "-o", isReadOnly ? "remount,ro" : "remount,rw", MountPoint);

    /// <summary>As the kernel does it after an error of the device: what was not synced is lost with the file system's memory.</summary>
    public bool TryAbort(out string why) => TryRun(out why, "mount", "-o", "remount,abort", MountPoint);

    /// <summary>Repairs what an abort left, as a reboot does. Nobody may have a file open.</summary>
    public bool TryMountAgain(out string why) =>
        TryRun(out why, "umount", MountPoint) && TryRun(out why, "mount", "-o", "loop", _image, MountPoint);

    public void Dispose()
    {
        TryRun(out _, "umount", MountPoint);
        File.Delete(_image);
    }

    private static bool TryRun(out string why, string program, params string[] arguments)
    {
        why = "";
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode == 0) return true;
            why = $"{program}: {errors.GetAwaiter().GetResult().Trim()}";
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            why = $"{program}: {missing.Message}";
        }

        return false;
    }
}
