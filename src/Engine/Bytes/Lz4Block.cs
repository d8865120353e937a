namespace Varve.Bytes;

// block    := sequence* last                                  (the LZ4 block format; what liblz4 writes and reads)
// sequence := token:u8 | more literal lengths | literals | offset:u16 | more match lengths
// last     := token:u8 | more literal lengths | literals      (the token's lower half is 0)
//
// The token's upper half is the number of literals, its lower half the length of the match less 4. A half of 15 goes on in bytes
// that are added to it, up to and including the first that is not 255. The match copies bytes that lie `offset` (1 to 65,535)
// before the output's end and may run into what it writes. Readers may count on: the last match starts at least 12 bytes before
// the end of the data, and the last 5 bytes are literals.

/// <summary>LZ4 blocks, compatible with the reference implementation both ways. Any thread may call; nothing is allocated.</summary>
internal static partial class Lz4Block
{
    /// <summary>The hash table holds positions of 16 bits, and no match reaches further back.</summary>
    public const int SourceBytesMax = 64 * 1024;

    private const int MatchBytesMin = 4;
    private const int LastLiteralBytes = 5;
    private const int MatchStartBytesMin = 12;
    private const int HalfTokenMax = 15;

    /// <summary>The most bytes that so many bytes take when nothing repeats.</summary>
    public static int CompressedBytesMax(int sourceBytes) => sourceBytes + sourceBytes / 255 + 16;
}
