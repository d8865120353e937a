namespace Varve.Files;

/// <summary>Replaces a small file so that after a crash at any point its old or its new content is there, whole.</summary>
internal static class AtomicFile
{
    /// <summary>
    /// Writes <paramref name="content"/> to <paramref name="temporaryPath"/> (of the same directory; a left-over is discarded), and
    /// renames that to <paramref name="path"/>. When it returns, the new content is durable; when it throws, either content may be.
    /// </summary>
    public static void Replace(IFileSystem files, string path, string temporaryPath, ReadOnlySpan<byte> content)
    {
        files.Delete(temporaryPath);
        using (IFile temporary = files.Open(temporaryPath, FileOpening.CreateNew))
        {
            temporary.Write(content, 0);
            temporary.Sync();
        }

        files.Rename(temporaryPath, path);
        files.SyncDirectory(Path.GetDirectoryName(path) is { Length: > 0 } directory ? directory : ".");
    }
}
