using System.Globalization;
using System.Text;

namespace Varve.Tests.Bytes;

/// <summary>Data of the shapes that the codec meets, and of those that lead into its corners.</summary>
internal static class Lz4Samples
{
    /// <summary>Pieces of noise, runs, short patterns and copies of what came before, mixed at random.</summary>
    public static byte[] Mixed(Random random, int length)
    {
        byte[] data = new byte[length];
        int position = 0;
        while (position < length)
        {
            int pieceBytes = Math.Min(length - position, random.Next(4) == 0 ? random.Next(600) : random.Next(1, 40));
            Span<byte> piece = data.AsSpan(position, pieceBytes);
            switch (random.Next(4))
            {
                case 0:
                    random.NextBytes(piece);
                    break;
                case 1:
                    piece.Fill((byte)random.Next(256));
                    break;
                default:
                    int distance = random.Next(2) == 0 ? random.Next(1, 40) : random.Next(1, Math.Max(2, position));
                    for (int i = 0; i < pieceBytes; i++)
                    {
                        int from = position + i - distance;
                        piece[i] = from >= 0 ? data[from] : (byte)i;
                    }

                    break;
            }

            position += pieceBytes;
        }

        return data;
    }

    /// <summary>Bytes that do not repeat, the same for ever: fixtures are made of them.</summary>
    public static byte[] Noise(int length)
    {
        byte[] data = new byte[length];
        uint state = 12_345;
        for (int i = 0; i < length; i++)
        {
            state = state * 1_103_515_245 + 12_345;
            data[i] = (byte)(state >> 24);
        }

        return data;
    }

    /// <summary>Sixty bytes of each pattern of 1 to 33 bytes: matches at every short offset.</summary>
    public static byte[] Periods() =>
        [.. Enumerable.Range(1, 33).SelectMany(period => Enumerable.Range(0, 60).Select(i => (byte)(1 + i % period)))];

    public static byte[] Text()
    {
        var text = new StringBuilder();
        for (int i = 0; i < 120; i++) text.Append(CultureInfo.InvariantCulture, $"{i * 7_919 % 1_000:D4} varve;");
        return Encoding.ASCII.GetBytes(text.ToString());
    }
}
