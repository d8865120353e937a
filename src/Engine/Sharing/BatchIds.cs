using System.Buffers.Binary;

namespace Varve.Sharing;

/// <summary>
/// Ids of batches that other processes have sent: a row that is committed with the batch says that it was. See docs/formats/sharing.md.
/// </summary>
internal static class BatchIds
{
    /// <summary>How long an id is kept.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromMinutes(10);

    /// <summary>An older one is not answered: its row may be gone, or go before it is read.</summary>
    private static readonly TimeSpan Known = TimeSpan.FromMinutes(9);

    private const byte Kind = 16;
    private const byte Format = 1;
    private const int TimeOffset = 1;
    private const int IdOffset = TimeOffset + sizeof(ulong);
    private const int KeyBytes = IdOffset + BodyReader.IdBytes;

    /// <summary>What the keys of all ids begin with.</summary>
    public static byte[] All => [Kind];

    /// <summary>The value of every row: its format.</summary>
    public static ReadOnlySpan<byte> Value => [Format];

    // key := 16 | time:u64 big-endian, milliseconds, as in the id | id
    public static byte[] KeyOf(Guid id)
    {
        byte[] key = new byte[KeyBytes];
        key[0] = Kind;
        BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(TimeOffset), MillisecondsOf(id));
        id.TryWriteBytes(key.AsSpan(IdOffset), bigEndian: true, out _);
        return key;
    }

    /// <summary>Behind the keys of all ids that were made before a moment.</summary>
    public static byte[] EndOf(DateTimeOffset moment)
    {
        byte[] key = new byte[IdOffset];
        key[0] = Kind;
        BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(TimeOffset), Math.Max(0, moment.ToUnixTimeMilliseconds()));
        return key;
    }

    /// <summary>Whether the row of an id, if it was ever written, is still there.</summary>
    public static bool IsKnown(Guid id, DateTimeOffset now) => now.ToUnixTimeMilliseconds() - MillisecondsOf(id) < Known.TotalMilliseconds;

    private static long MillisecondsOf(Guid id)
    {
        Span<byte> bytes = stackalloc byte[BodyReader.IdBytes];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        return (long)(BinaryPrimitives.ReadUInt64BigEndian(bytes) >> 16);
    }
}
