using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Varve.Mcp.Durable;

/// <summary>
/// Reads what <see cref="RowWriter"/> has written. A read that fails gives a zero or an empty result, and so do all later ones: ask
/// <see cref="IsWhole"/> at the end.
/// </summary>
internal ref struct RowReader(ReadOnlySpan<byte> row)
{
    private const int NumberBitsMax = 31;
    private const int ShownBytesMax = 64;

    private static readonly long s_timeMax = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();

    private readonly ReadOnlySpan<byte> _row = row;
    private ReadOnlySpan<byte> _rest = row;
    private bool _hasFailed;

    /// <summary>A value; fails where its format is another one.</summary>
    public static RowReader OfValue(ReadOnlySpan<byte> value)
    {
        RowReader reader = new(value);
        if (reader.Byte() != RowWriter.Format) reader._hasFailed = true;
        return reader;
    }

    /// <summary>True when everything was there, and nothing is left.</summary>
    public readonly bool IsWhole => !_hasFailed && _rest.IsEmpty;

    public readonly bool IsAtEnd => _rest.IsEmpty;

    public byte Byte() => Take(1) is { IsEmpty: false } bytes ? bytes[0] : (byte)0;

    public int Number()
    {
        long value = 0;
        for (int shift = 0; shift < NumberBitsMax; shift += 7)
        {
            byte part = Byte();
            value |= (long)(part & 0x7F) << shift;
            if (part < 0x80 && value <= int.MaxValue) return _hasFailed ? 0 : (int)value;
        }
        _hasFailed = true;
        return 0;
    }

    public long Time() => Take(sizeof(long)) is { IsEmpty: false } bytes ? TimeOf(BinaryPrimitives.ReadInt64LittleEndian(bytes)) : 0;

    public long SortedTime() => Take(sizeof(long)) is { IsEmpty: false } bytes ? TimeOf(BinaryPrimitives.ReadInt64BigEndian(bytes)) : 0;

    public uint SortedNumber() => Take(sizeof(uint)) is { IsEmpty: false } bytes ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : 0;

    public double Float() => Take(sizeof(double)) is { IsEmpty: false } bytes ? BinaryPrimitives.ReadDoubleLittleEndian(bytes) : 0;

    public Guid Id() => Take(RowWriter.IdBytes) is { IsEmpty: false } bytes ? new Guid(bytes, bigEndian: true) : default;

    public string Text() => Encoding.UTF8.GetString(Take(Number()));

    public string RestText() => Encoding.UTF8.GetString(Take(_rest.Length));

    public ReadOnlySpan<byte> Bytes(int count) => Take(count);

    public byte[] Rest() => Take(_rest.Length).ToArray();

    /// <summary>The same where it stands, in the memory that is read.</summary>
    public ReadOnlyMemory<byte> Rest(ReadOnlyMemory<byte> whole) => whole[^Take(_rest.Length).Length..];

    /// <summary>What a decoder that has read a row it does not understand ends with.</summary>
    [DoesNotReturn]
    public readonly void Throw(string map) => throw new InvalidDataException(
        $"A row of '{map}' is not of this version's format: {Convert.ToHexStringLower(_row[..Math.Min(_row.Length, ShownBytesMax)])}");

    private long TimeOf(long milliseconds)
    {
        if (milliseconds >= 0 && milliseconds <= s_timeMax) return milliseconds;
        _hasFailed = true;
        return 0;
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _rest.Length) _hasFailed = true;
        if (_hasFailed) return default;
        ReadOnlySpan<byte> taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}
