using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;
using Varve.Bytes;

namespace Varve.Idempotency;

/// <summary>
/// Reads what <see cref="RowWriter"/> has written. A read that fails gives a zero or an empty result, and so do all later ones: ask
/// <see cref="IsWhole"/> at the end.
/// </summary>
internal ref struct RowReader(ReadOnlySpan<byte> row)
{
    private SpanReader _reader = new(row);
    private bool _hasFailed;

    /// <summary>A value; fails where its format is another one.</summary>
    public static RowReader OfValue(ReadOnlySpan<byte> value)
    {
        var reader = new RowReader(value);
        reader.Expect(RowWriter.Format);
        return reader;
    }

    /// <summary>True when everything was there, and nothing is left.</summary>
    public readonly bool IsWhole => !_hasFailed && _reader.IsAtEnd;

    public void Expect(byte value)
    {
        if (Byte() != value) _hasFailed = true;
    }

    /// <summary>Fails the row: what was read cannot be.</summary>
    public void Fail() => _hasFailed = true;

    public byte Byte() => Take(_reader.TryReadByte(out byte value)) ? value : (byte)0;

    public long Number()
    {
        bool isRead = _reader.TryReadVarint(out ulong value) && value <= long.MaxValue;
        return Take(isRead) ? (long)value : 0;
    }

    /// <summary>A number that is a count.</summary>
    public int Count() => Take(_reader.TryReadVarint(int.MaxValue, out int value)) ? value : 0;

    public long Time()
    {
        bool isRead = _reader.TryReadUInt64(out ulong value) && value <= long.MaxValue;
        return Take(isRead) ? (long)value : 0;
    }

    public long SortedTime() => Take(_reader.TryReadBytes(sizeof(long), out ReadOnlySpan<byte> bytes))
        ? System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(bytes)
        : 0;

    public Guid Id() => Take(_reader.TryReadBytes(RowWriter.IdBytes, out ReadOnlySpan<byte> bytes))
        ? new Guid(bytes, bigEndian: true)
        : default;

    public string Text()
    {
        bool isRead = _reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> bytes) && Utf8.IsValid(bytes);
        return Take(isRead) ? Encoding.UTF8.GetString(bytes) : "";
    }

    public byte[] Bytes(int count) => Take(_reader.TryReadBytes(count, out ReadOnlySpan<byte> bytes)) ? bytes.ToArray() : [];

    public byte[] Rest() => Bytes(_reader.RemainingBytes);

    /// <summary>The rest as a text.</summary>
    public string RestText()
    {
        byte[] bytes = Rest();
        return Take(Utf8.IsValid(bytes)) ? Encoding.UTF8.GetString(bytes) : "";
    }

    /// <summary>What a decoder that has read a row it does not understand ends with.</summary>
    [DoesNotReturn]
    public static T Throw<T>(string map, ReadOnlySpan<byte> row) => throw new InvalidDataException(
        $"A row of '{map}' is not of this version's format, or was not written by the journal: "
        + Convert.ToHexStringLower(row[..Math.Min(row.Length, 64)]));

    private bool Take(bool isRead)
    {
        if (!isRead) _hasFailed = true;
        return !_hasFailed;
    }
}
