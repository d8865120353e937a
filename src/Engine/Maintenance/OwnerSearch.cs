using Varve.Bytes;
using Varve.Files;
using Varve.Log;
using Varve.Tables;

namespace Varve.Maintenance;

/// <summary>Whose database a directory without a readable manifest is: the id that most of its files carry.</summary>
internal static class OwnerSearch
{
    /// <exception cref="CorruptDataException">No file tells.</exception>
    public static DatabaseId Run(IFileSystem files, string directory)
    {
        var votes = new Dictionary<DatabaseId, int>();
        using var reader = new LogFrameReader(CancellationToken.None);
        foreach (string name in files.ListFiles(directory))
        {
            string path = Path.Combine(directory, name);
            DatabaseId? owner = null;
            if (FileNames.TryParseTable(name, out _))
            {
                owner = FindInTable(files, path);
            }
            else if (FileNames.TryParseLogSlot(name, out _))
            {
                reader.Open(files, path);
                if (reader.TryReadHeader(out LogSegmentHeader header)) owner = header.DatabaseId;
            }
            else if (FileNames.TryParseManifest(name, out _))
            {
                owner = ManifestFileReading.Run(files, path).Header?.DatabaseId;
            }

            if (owner is { } found) votes[found] = votes.GetValueOrDefault(found) + 1;
        }

        if (votes.Count == 0) throw new CorruptDataException(directory, 0, "not one file tells whose database this was");
        return votes.MaxBy(vote => vote.Value).Key;
    }

    private static DatabaseId? FindInTable(IFileSystem files, string path)
    {
        using IFile file = files.Open(path, FileOpening.Read);
        Span<byte> bytes = stackalloc byte[TableFooter.SizeBytes];
        long offset = file.Length - bytes.Length;
        bool isRead = offset >= 0 && file.Read(bytes, offset) == bytes.Length;
        return isRead && TableFooter.Read(bytes, offset, out TableFooter footer) is null ? footer.DatabaseId : null;
    }
}
