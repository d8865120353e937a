using System.Buffers.Binary;
using System.Numerics;

namespace Varve.Workloads;

/// <summary>The keys and values of all workloads: the same bytes for every peer, each a function of its number.</summary>
/// <remarks>
/// Keys are 16 bytes: the number as 8 big-endian bytes, then 8 filler bytes. Values are half compressible as db_bench makes them: fifty
/// random bytes, twice. Random order is a permutation of the numbers, so that every key is written once and every read has one answer.
/// </remarks>
internal sealed class KeySpace
{
    public const int KeyBytes = 16;

    private const byte Filler = (byte)'0';
    private const byte MissingFiller = (byte)'.';
    private const int PoolBytesMin = 1 << 20;

    private readonly byte[] _valuePool;
    private readonly ulong _mask;
    private readonly int _shift;
    private readonly ulong _offset;

    /// <param name="count">Numbers are 0 to count - 1.</param>
    /// <param name="valueBytes">At least 8.</param>
    /// <param name="seed">Another seed, another order and other values.</param>
    public KeySpace(long count, int valueBytes, int seed)
    {
        Count = count;
        ValueBytes = valueBytes;
        int bits = Math.Max(2, 64 - BitOperations.LeadingZeroCount((ulong)Math.Max(1, count - 1)));
        _mask = bits == 64 ? ulong.MaxValue : (1UL << bits) - 1;
        _shift = (bits + 1) / 2;
        var random = new Random(seed);
        _offset = (ulong)random.NextInt64() & _mask;
        _valuePool = new byte[Math.Max(PoolBytesMin, 2 * valueBytes)];
        int half = Math.Max(1, valueBytes / 2);
        for (int at = 0; at < _valuePool.Length; at += 2 * half)
        {
            Span<byte> piece = _valuePool.AsSpan(at, Math.Min(half, _valuePool.Length - at));
            random.NextBytes(piece);
            Span<byte> again = _valuePool.AsSpan(Math.Min(at + half, _valuePool.Length));
            piece[..Math.Min(piece.Length, again.Length)].CopyTo(again);
        }
    }

    public long Count { get; }

    public int ValueBytes { get; }

    /// <summary>The number at a place of the random order: a bijection of the next power of two, walked until it is inside.</summary>
    public long Shuffled(long place)
    {
        ulong number = (ulong)place;
        do
        {
            number = (number * 0x9E3779B97F4A7C15 + _offset) & _mask;
            number ^= number >> _shift;
            number = number * 0xD1342543DE82EF95 & _mask;
            number ^= number >> _shift;
        }
        while (number >= (ulong)Count);
        return (long)number;
    }

    public static void WriteKey(Span<byte> key, long number)
    {
        BinaryPrimitives.WriteInt64BigEndian(key, number);
        key[8..KeyBytes].Fill(Filler);
    }

    /// <summary>A key that lies between two present ones.</summary>
    public static void WriteMissingKey(Span<byte> key, long number)
    {
        BinaryPrimitives.WriteInt64BigEndian(key, number);
        key[8..KeyBytes].Fill(MissingFiller);
    }

    public static long NumberOf(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadInt64BigEndian(key);

    /// <summary>The value that belongs to a number, begun with the number itself, so that a mix-up shows.</summary>
    /// <param name="value">Of the right length.</param>
    /// <param name="number">Of the key.</param>
    /// <param name="version">Another version, other bytes behind the number.</param>
    public void WriteValue(Span<byte> value, long number, long version = 0)
    {
        ulong hash = (ulong)(number + version) * 0x9E3779B97F4A7C15;
        int at = (int)((hash >> 32) % (ulong)(_valuePool.Length - ValueBytes));
        _valuePool.AsSpan(at, ValueBytes).CopyTo(value);
        BinaryPrimitives.WriteInt64BigEndian(value, number);
    }
}
