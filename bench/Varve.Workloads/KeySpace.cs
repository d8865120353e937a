using System.Buffers.Binary;
using System.Numerics;

namespace Varve.Workloads;

/// <summary>The keys and values of all workloads: the same bytes for every peer, each a function of its number.</summary>
/// <remarks>
/// Keys are 16 bytes: the number as 8 big-endian bytes, then 8 filler bytes. Values are half compressible as db_bench makes them: fifty
/// random bytes, twice. They are computed, not copied from a pool at a random place: db_bench goes through its pool in order, and a miss of
/// the processor's cache for each value would be measured with every peer's put.
/// Random order is a permutation of the numbers, so that every key is written once and every read has one answer.
/// </remarks>
internal sealed class KeySpace
{
    public const int KeyBytes = 16;

    private const byte Filler = (byte)'0';
    private const byte MissingFiller = (byte)'.';
    private const ulong Golden = 0x9E3779B97F4A7C15;

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
    }

    public long Count { get; }

    public int ValueBytes { get; }

    /// <summary>The number at a place of the random order: a bijection of the next power of two, walked until it is inside.</summary>
    public long Shuffled(long place)
    {
        ulong number = (ulong)place;
        do
        {
            number = (number * Golden + _offset) & _mask;
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
    /// <param name="value">Its first bytes are written.</param>
    /// <param name="number">Of the key.</param>
    /// <param name="version">Another version, other bytes behind the number.</param>
    public void WriteValue(Span<byte> value, long number, long version = 0)
    {
        // The generator is SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
        ulong state = ((ulong)number * 0xD1342543DE82EF95) + ((ulong)version * Golden);
        value = value[..ValueBytes];
        int half = (value.Length + 1) / 2;
        Span<byte> rest = value[..half];
        while (rest.Length >= sizeof(ulong))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(rest, Next(ref state));
            rest = rest[sizeof(ulong)..];
        }

        for (ulong last = Next(ref state); rest.Length > 0; last >>= 8)
        {
            rest[0] = (byte)last;
            rest = rest[1..];
        }

        value[..(value.Length - half)].CopyTo(value[half..]);
        BinaryPrimitives.WriteInt64BigEndian(value, number);
    }

    private static ulong Next(ref ulong state)
    {
        state += Golden;
        ulong mixed = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }
}
