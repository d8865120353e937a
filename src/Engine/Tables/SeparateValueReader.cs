using System.Buffers.Binary;
using Varve.Bytes;
using Varve.Diagnostics;

namespace Varve.Tables;

/// <summary>
/// Reads a separate value in its checksummed pieces; see <see cref="SeparateValue"/> for the layout. Safe for concurrent use.
/// </summary>
internal sealed class SeparateValueReader(Table table, byte[] header, long offset, int valueBytes)
{
    public int ValueBytes => valueBytes;

    /// <summary>
    /// Reads the piece that holds a position; returns its bytes, the first of which is at a multiple of the piece's size.
    /// </summary>
    /// <param name="position">Within the value.</param>
    /// <param name="destination">Room for a piece.</param>
    /// <exception cref="CorruptDataException">The piece is damaged, or the value's length.</exception>
    public int ReadPiece(int position, Span<byte> destination)
    {
        Invariant.Holds((uint)position < (uint)valueBytes && destination.Length >= SeparateValue.PieceBytes);
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != (uint)valueBytes)
            table.ThrowCorrupt(offset, "a large value's length is wrong");
        int piece = position / SeparateValue.PieceBytes;
        int start = piece * SeparateValue.PieceBytes;
        Span<byte> bytes = destination[..Math.Min(SeparateValue.PieceBytes, valueBytes - start)];
        long pieceOffset = offset + header.Length + start;
        table.ReadExactly(bytes, pieceOffset);
        uint stored = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan((piece + 1) * sizeof(uint)));
        if (Crc32C.ComputeSalted(bytes, table.Info.Salt, pieceOffset) != stored)
            table.ThrowCorrupt(pieceOffset, "a large value's checksum is wrong");
        return bytes.Length;
    }
}
