using System.Buffers.Binary;

namespace Varve.Bytes;

/// <summary>The 64-bit hash of a key that filters and block fingerprints use. Stored on disk: never change.</summary>
internal static class KeyHash
{
    public static ulong Compute(ReadOnlySpan<byte> key)
    {
        ulong hash = (ulong)key.Length * 0x9E3779B97F4A7C15UL;
        while (key.Length >= 8)
        {
            hash = Mix(hash ^ BinaryPrimitives.ReadUInt64LittleEndian(key));
            key = key[8..];
        }

        ulong tail = 0;
        for (int i = key.Length - 1; i >= 0; i--) tail = tail << 8 | key[i];
        return Mix(hash ^ tail);
    }

    private static ulong Mix(ulong value)
    {
        ulong high = Math.BigMul(value ^ 0xA0761D6478BD642FUL, 0xE7037ED1A0B428DBUL, out ulong low);
        return high ^ low;
    }
}
