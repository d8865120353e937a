namespace Varve.Native;

/// <summary>Folders that nobody else may look into or change.</summary>
internal static class PrivateFolder
{
    private const int CurrentDirectory = -100;
    private const int DoNotFollowLinks = 0x100;
    private const uint TypeModeAndOwner = 0x1 | 0x2 | 0x8;
    private const ushort TypeBits = 0b1111_000_000_000_000;
    private const ushort Directory = 0b0100_000_000_000_000;
    private const UnixFileMode Owners = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>This process's user, as the system numbers users; null on Windows.</summary>
    public static uint? UserId => OperatingSystem.IsWindows() ? null : Libc.GetUser();

    /// <summary>Whether it is a folder, and no link to one, that belongs to this user and is open to nobody else.</summary>
    /// <remarks>On Windows every folder in the user's own profile counts as one.</remarks>
    public static bool IsPrivate(string path)
    {
        if (OperatingSystem.IsWindows()) return System.IO.Directory.Exists(path);
        if (OperatingSystem.IsLinux())
        {
            return Libc.GetStatusOnLinux(CurrentDirectory, path, DoNotFollowLinks, TypeModeAndOwner, out LinuxFileStatus status) == 0
                && (status.Mode & TypeBits) == Directory && (status.Mode & ~(TypeBits | (ushort)Owners)) == 0
                && status.Owner == Libc.GetUser();
        }

        try
        {
            // Only its owner (and the administrator) can set a folder's mode, so this asks whose it is.
            var folder = new DirectoryInfo(path);
            if (!folder.Exists || folder.LinkTarget is not null || (folder.UnixFileMode & ~Owners) != 0) return false;
            folder.UnixFileMode = Owners;
            return true;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Makes the folder where it is missing; false where it cannot be made or is not private.</summary>
    public static bool TryMake(string path)
    {
        try
        {
            if (OperatingSystem.IsWindows()) System.IO.Directory.CreateDirectory(path);
            else System.IO.Directory.CreateDirectory(path, Owners);
            return IsPrivate(path);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
