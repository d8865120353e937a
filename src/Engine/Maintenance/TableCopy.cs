using Varve.Bytes;
using Varve.Files;
using Varve.Tables;

namespace Varve.Maintenance;

/// <summary>Copies a table file and checks it as a whole: damage is not carried along unnoticed.</summary>
internal static class TableCopy
{
    private const int PieceBytes = 1 << 20;

    /// <summary>The copy is durable when this returns; its name is not.</summary>
    /// <exception cref="CorruptDataException">
    /// The source is not what the manifest says, or the copy does not read as it was written.
    /// </exception>
    public static void Run(IFileSystem files, string source, string target, TableInfo info, CancellationToken cancellation)
    {
        using var buffer = new NativeBuffer(PieceBytes);
        using IFile from = files.Open(source, FileOpening.Read);
        using IFile copy = files.Open(target, FileOpening.CreateNew);
        Check(from, source, info, buffer, copy, cancellation);
        copy.Sync();
        Check(copy, target, info, buffer, copy: null, cancellation);
    }

    /// <summary>Reads a whole table file and compares length and checksum.</summary>
    public static void Check(IFileSystem files, string path, TableInfo info, CancellationToken cancellation)
    {
        using var buffer = new NativeBuffer(PieceBytes);
        using IFile file = files.Open(path, FileOpening.Read);
        Check(file, path, info, buffer, copy: null, cancellation);
    }

    private static void Check(
        IFile file, string path, TableInfo info, NativeBuffer buffer, IFile? copy, CancellationToken cancellation)
    {
        uint checksum = 0;
        long offset = 0;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            Span<byte> piece = buffer.Span[..file.Read(buffer.Span[..PieceBytes], offset)];
            if (piece.IsEmpty) break;
            checksum = Crc32C.Append(checksum, piece);
            copy?.Write(piece, offset);
            offset += piece.Length;
        }

        if (offset == info.FileBytes && checksum == info.FileChecksum) return;
        throw new CorruptDataException(
            path, 0, $"{offset} bytes, checksum {checksum:x8}; the manifest says {info.FileBytes}, {info.FileChecksum:x8}");
    }
}
