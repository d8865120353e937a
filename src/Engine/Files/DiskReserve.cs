namespace Varve.Files;

/// <summary>
/// Disk space that an open database keeps for the next open: on a full disk, that needs some before it can give any back. The file holds
/// nothing and is never read, so nothing is lost where it is missing.
/// </summary>
internal static class DiskReserve
{
    /// <summary>Takes the space unless it is taken. False where there is no room: one tries again later.</summary>
    public static bool TryTake(IFileSystem files, string directory, long bytes)
    {
        string path = Path.Combine(directory, FileNames.Reserve);
        try
        {
            // A power cut may have left the name and taken the space.
            using IFile file = files.Open(path, files.FileExists(path) ? FileOpening.ReadWrite : FileOpening.CreateNew);
            file.Allocate(bytes);
            file.Sync();
            return true;
        }
        catch (StorageException)
        {
            TryGiveBack(files, directory);
            return false;
        }
    }

    /// <summary>Gives the space back to the disk.</summary>
    public static void TryGiveBack(IFileSystem files, string directory)
    {
        try
        {
            files.Delete(Path.Combine(directory, FileNames.Reserve));
        }
        catch (StorageException)
        {
            // It costs disk space, not correctness.
        }
    }
}
