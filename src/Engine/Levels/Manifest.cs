using Varve.Files;

namespace Varve.Levels;

/// <summary>Reads what a database's directory consists of.</summary>
internal static class Manifest
{
    /// <summary>
    /// The state that CURRENT and its manifest tell, or null when the directory holds no database yet. Writes nothing.
    /// </summary>
    /// <remarks>
    /// Only a last frame that was being appended when the machine stopped may be broken; it was never acknowledged and is left out.
    /// </remarks>
    /// <exception cref="CorruptDataException">Anything else is damaged or missing.</exception>
    public static ManifestState? Load(IFileSystem files, string directory)
    {
        string currentPath = Path.Combine(directory, FileNames.Current);
        if (!files.FileExists(currentPath))
        {
            CheckIsNew(files, directory, currentPath);
            return null;
        }

        byte[] current = ReadFile(files, currentPath, CurrentFile.BytesMax);
        if (!CurrentFile.TryParse(current, out long number, out ulong salt))
            throw new CorruptDataException(currentPath, 0, "it does not name a manifest with the right checksum");
        string path = Path.Combine(directory, FileNames.Manifest(number));
        if (!files.FileExists(path)) throw new CorruptDataException(path, 0, "the manifest that CURRENT names is missing");
        return Read(path, ReadFile(files, path, Array.MaxLength), number, salt);
    }

    // The first manifest is named by CURRENT before any table or log exists: either of them without it means that it was lost. A
    // manifest alone is left from an open that never got so far.
    private static void CheckIsNew(IFileSystem files, string directory, string currentPath)
    {
        if (!files.DirectoryExists(directory)) return;
        foreach (string name in files.ListFiles(directory))
        {
            if (FileNames.TryParseTable(name, out _) || FileNames.TryParseLogSlot(name, out _))
                throw new CorruptDataException(currentPath, 0, $"it is missing, but '{name}' is there");
        }
    }

    private static ManifestState Read(string path, ReadOnlySpan<byte> file, long number, ulong salt)
    {
        if (ManifestFormat.FindHeaderProblem(file, out ManifestFormat.Header header) is { } headerProblem)
            throw new CorruptDataException(path, 0, headerProblem);
        if (header.Salt != salt || header.Number != number)
            throw new CorruptDataException(
                path, 0, $"manifest {header.Number}, salt {header.Salt:x16}; CURRENT names {number}, salt {salt:x16}");

        var state = new ManifestState(header.DatabaseId);
        int offset = ManifestFormat.HeaderBytes;
        while (offset < file.Length && ManifestFormat.TryReadFrame(file, offset, salt, out ReadOnlySpan<byte> payload, out int frameBytes))
        {
            if (!LevelEditCodec.TryDecode(payload, out LevelEdit? edit))
            {
                throw new CorruptDataException(path, offset, "the edit cannot be decoded");
            }

            if (!state.TryApply(edit, out string? problem)) throw new CorruptDataException(path, offset, problem);
            offset += frameBytes;
        }

        // The first frame was synced before CURRENT named the file; a later one was synced before the next was written.
        if (offset == ManifestFormat.HeaderBytes) throw new CorruptDataException(path, offset, "the first frame is damaged");
        if (ManifestFormat.FindFrameStart(file, offset + ManifestFormat.FrameAlignment, salt) is { } behind)
            throw new CorruptDataException(path, offset, $"a damaged frame, with another one behind it at offset {behind}");
        if (state.FindProblem() is { } clash) throw new CorruptDataException(path, 0, clash);
        state.ReadUpTo = (path, offset);
        return state;
    }

    private static byte[] ReadFile(IFileSystem files, string path, int bytesMax)
    {
        using IFile file = files.Open(path, FileOpening.Read);
        long length = file.Length;
        if (length > bytesMax) throw new CorruptDataException(path, 0, $"{length} bytes, expected at most {bytesMax}");
        byte[] bytes = new byte[length];
        int read = file.Read(bytes, 0);
        if (read < bytes.Length) throw new CorruptDataException(path, read, $"the file ends here, but states {length} bytes");
        return bytes;
    }
}
