using System.Buffers.Binary;

namespace Varve.Bytes;

internal static partial class Crc32C
{
    private const uint Polynomial = 0x82F63B78;

    /// <summary>Eight bytes a step through eight tables.</summary>
    internal static uint AppendPortable(uint crc, ReadOnlySpan<byte> data)
    {
        uint state = ~crc;
        uint[] tables = SlicingTables.Values;
        for (; data.Length >= sizeof(ulong); data = data[sizeof(ulong)..])
        {
            ulong word = BinaryPrimitives.ReadUInt64LittleEndian(data) ^ state;

            // The first byte has seven more behind it in this word, the last has none: each table advances by one byte more.
            state = tables[7 * 256 + (byte)word]
                ^ tables[6 * 256 + (byte)(word >> 8)]
                ^ tables[5 * 256 + (byte)(word >> 16)]
                ^ tables[4 * 256 + (byte)(word >> 24)]
                ^ tables[3 * 256 + (byte)(word >> 32)]
                ^ tables[2 * 256 + (byte)(word >> 40)]
                ^ tables[1 * 256 + (byte)(word >> 48)]
                ^ tables[(byte)(word >> 56)];
        }

        foreach (byte value in data) state = tables[(byte)(state ^ value)] ^ state >> 8;
        return ~state;
    }

    /// <summary>x to the power of <paramref name="exponent"/>, modulo the polynomial.</summary>
    private static uint PowerOfX(ulong exponent)
    {
        uint result = 0x8000_0000;    // x to the power of 0
        uint square = 0x4000_0000;    // x to the power of 1
        for (; exponent != 0; exponent >>= 1)
        {
            if ((exponent & 1) != 0) result = MultiplyModulo(result, square);
            square = MultiplyModulo(square, square);
        }

        return result;
    }

    private static uint MultiplyModulo(uint left, uint right)
    {
        uint product = 0;
        for (uint bit = 0x8000_0000; bit != 0; bit >>= 1)
        {
            if ((left & bit) != 0) product ^= right;
            right = MultiplyByX(right);
        }

        return product;
    }

    private static uint MultiplyByX(uint value) => value >> 1 ^ (Polynomial & (uint)-(int)(value & 1));

    /// <summary>Built on first use: a machine with a crc instruction never does.</summary>
    private static class SlicingTables
    {
        /// <summary>At 256 × n + b: the state after byte b and n zero bytes, from state 0.</summary>
        public static readonly uint[] Values = Build();

        private static uint[] Build()
        {
            uint[] tables = new uint[8 * 256];
            for (int value = 0; value < 256; value++)
            {
                uint state = (uint)value;
                for (int bit = 0; bit < 8; bit++) state = MultiplyByX(state);
                tables[value] = state;
            }

            for (int i = 256; i < tables.Length; i++) tables[i] = tables[(byte)tables[i - 256]] ^ tables[i - 256] >> 8;
            return tables;
        }
    }
}
