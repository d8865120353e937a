using Varve.Native;

namespace Varve.Files;

/// <summary>A second name for a file, where the file system has such.</summary>
internal static class HardLink
{
    /// <summary>False where no link can be made between the two places, now or ever: the caller copies instead.</summary>
    public static bool TryMake(IFileSystem files, string existing, string created)
    {
        try
        {
            files.Link(existing, created);
            return true;
        }
        catch (StorageException failure) when (ErrorNumbers.IsLinkRefusal(failure))
        {
            return false;
        }
    }
}
