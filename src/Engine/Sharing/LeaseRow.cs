using Varve.Bytes;

namespace Varve.Sharing;

/// <summary>The row of a lease: docs/formats/sharing.md.</summary>
internal static class LeaseRow
{
    private const byte Kind = (byte)'l';
    private const byte Format = 1;
    private const int IdBytes = 16;
    private const int KeyBytes = 1 + IdBytes;

    /// <summary>What the keys of all leases begin with.</summary>
    public static byte[] All => [Kind];

    /// <summary>The first key behind those of all leases.</summary>
    public static byte[] End => [Kind + 1];

    // key := 'l' | incarnation, most significant byte first
    public static byte[] KeyOf(Guid incarnation)
    {
        byte[] key = new byte[KeyBytes];
        key[0] = Kind;
        incarnation.TryWriteBytes(key.AsSpan(1), bigEndian: true, out _);
        return key;
    }

    public static bool TryReadKey(ReadOnlySpan<byte> key, out Guid incarnation)
    {
        bool isLease = key.Length == KeyBytes && key[0] == Kind;
        incarnation = isLease ? new Guid(key[1..], bigEndian: true) : Guid.Empty;
        return isLease;
    }

    // value := format:u8 | pid:varint
    public static byte[] ValueOf(int processId)
    {
        Span<byte> value = stackalloc byte[1 + Varint.BytesMax];
        value[0] = Format;
        return value[..(1 + Varint.Write(value[1..], (uint)processId))].ToArray();
    }

    public static bool TryReadValue(ReadOnlySpan<byte> value, out int processId)
    {
        processId = 0;
        var reader = new SpanReader(value);
        return reader.TryReadByte(out byte format) && format == Format && reader.TryReadVarint(int.MaxValue, out processId)
            && reader.IsAtEnd;
    }
}
