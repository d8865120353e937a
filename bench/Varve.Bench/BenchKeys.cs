using System.Buffers.Binary;

namespace Varve.Bench;

/// <summary>Keys of 16 bytes, the number before the filler, and values of 100 bytes of which half repeats.</summary>
internal static class BenchKeys
{
    public const int KeyBytes = 16;
    public const int ValueBytes = 100;

    public static byte[] CreateKey()
    {
        byte[] key = new byte[KeyBytes];
        key.AsSpan(sizeof(long)).Fill((byte)'0');
        return key;
    }

    public static void Write(byte[] key, long number) => BinaryPrimitives.WriteInt64BigEndian(key, number);

    /// <summary>The number behind this one in an order that jumps: all from 0 to below a power of two come, each once.</summary>
    public static int After(int number, int countPowerOfTwo) => (number * 5 + 12_345) & (countPowerOfTwo - 1);

    public static byte[] CreateValue(int bytes = ValueBytes)
    {
        byte[] value = new byte[bytes];
        new Random(1).NextBytes(value.AsSpan(0, bytes / 2));
        value.AsSpan(0, bytes / 2).CopyTo(value.AsSpan(bytes - bytes / 2));
        return value;
    }
}
