using System.Text;
using System.Text.Unicode;
using Varve.Bytes;

namespace Varve.Sharing;

/// <summary>
/// Reads the body of a frame. A read that fails gives a zero or an empty result, and so do all later ones: ask <see cref="IsWhole"/> at the
/// end.
/// </summary>
internal ref struct BodyReader(ReadOnlySpan<byte> body)
{
    public const int IdBytes = 16;

    private SpanReader _reader = new(body);
    private bool _hasFailed;

    /// <summary>True when everything was there, and nothing is left.</summary>
    public readonly bool IsWhole => !_hasFailed && _reader.IsAtEnd;

    public readonly bool HasFailed => _hasFailed;

    /// <summary>Bytes read so far.</summary>
    public readonly int Position => _reader.Position;

    /// <summary>Fails the body: what was read cannot be.</summary>
    public void Fail() => _hasFailed = true;

    public byte Byte() => Take(_reader.TryReadByte(out byte value)) ? value : (byte)0;

    public bool Flag()
    {
        byte value = Byte();
        if (value > 1) Fail();
        return value == 1;
    }

    public uint UInt32() => Take(_reader.TryReadUInt32(out uint value)) ? value : 0;

    public ulong Number() => Take(_reader.TryReadVarint(out ulong value)) ? value : 0;

    public int Count() => Take(_reader.TryReadVarint(int.MaxValue, out int value)) ? value : 0;

    /// <summary>How many things follow that take so many bytes each at least: fails where they cannot all be there.</summary>
    public int CountOf(int bytesMin)
    {
        int count = Count();
        if ((long)count * bytesMin > _reader.RemainingBytes) Fail();
        return _hasFailed ? 0 : count;
    }

    public Guid Id() => Take(_reader.TryReadBytes(IdBytes, out ReadOnlySpan<byte> bytes)) ? new Guid(bytes, bigEndian: true) : default;

    public ReadOnlySpan<byte> Prefixed() => Take(_reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> bytes)) ? bytes : default;

    /// <summary>Bytes behind their length, as a part of the body that this was made of.</summary>
    public ReadOnlyMemory<byte> Prefixed(ReadOnlyMemory<byte> body)
    {
        int length = Prefixed().Length;
        return body.Slice(_reader.Position - length, length);
    }

    public ReadOnlySpan<byte> Rest() => Take(_reader.TryReadBytes(_reader.RemainingBytes, out ReadOnlySpan<byte> bytes)) ? bytes : default;

    public string Text()
    {
        ReadOnlySpan<byte> bytes = Prefixed();
        if (!Utf8.IsValid(bytes)) Fail();
        return _hasFailed ? "" : Encoding.UTF8.GetString(bytes);
    }

    private bool Take(bool isRead)
    {
        if (!isRead) _hasFailed = true;
        return !_hasFailed;
    }
}
