using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Varve.Typed;

/// <summary>
/// The bits of a number, little-endian, as they are in memory: the engine runs on little-endian machines only. For types of which all bit
/// patterns are values.
/// </summary>
internal sealed class BitsValueCodec<T> : ValueCodec<T>
    where T : unmanaged
{
    public override void Write(T value, IBufferWriter<byte> destination)
    {
        MemoryMarshal.Write(destination.GetSpan(Unsafe.SizeOf<T>()), in value);
        destination.Advance(Unsafe.SizeOf<T>());
    }

    public override bool TryRead(ReadOnlySpan<byte> bytes, out T value)
    {
        value = default;
        return bytes.Length == Unsafe.SizeOf<T>() && MemoryMarshal.TryRead(bytes, out value);
    }
}

/// <summary>As keys are: for types of which all values are read back exactly from the key's form.</summary>
internal sealed class KeyValueCodec<T>(KeyCodec<T> keys) : ValueCodec<T>
{
    public override void Write(T value, IBufferWriter<byte> destination) => keys.Write(value, destination);

    public override bool TryRead(ReadOnlySpan<byte> bytes, [MaybeNullWhen(false)] out T value) => keys.TryRead(bytes, out value);
}

/// <summary>UTF-8 as it is.</summary>
internal sealed class TextValueCodec : ValueCodec<string>
{
    public override void Write(string value, IBufferWriter<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(value);
        Utf8Text.Write(value, destination);
    }

    public override bool TryRead(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out string? value) => Utf8Text.TryRead(bytes, out value);
}

/// <summary>Bytes as they are.</summary>
internal sealed class BytesValueCodec : ValueCodec<byte[]>
{
    public override void Write(byte[] value, IBufferWriter<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(value);
        destination.Write(value);
    }

    public override bool TryRead(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out byte[]? value)
    {
        value = bytes.ToArray();
        return true;
    }
}

/// <summary>The 96-bit integer, then sign and scale, as <c>decimal.GetBits</c> gives them; each 32 bits little-endian.</summary>
internal sealed class DecimalValueCodec : ValueCodec<decimal>
{
    private const int Parts = 4;
    private const int ValueBytes = Parts * sizeof(int);
    private const int SignBit = 1 << 31;
    private const int ScaleShift = 16;
    private const int ScaleMax = 28;

    public override void Write(decimal value, IBufferWriter<byte> destination)
    {
        Span<int> parts = stackalloc int[Parts];
        decimal.GetBits(value, parts);
        destination.Write(MemoryMarshal.AsBytes(parts));
    }

    public override bool TryRead(ReadOnlySpan<byte> bytes, out decimal value)
    {
        value = default;
        if (bytes.Length != ValueBytes) return false;
        Span<int> parts = stackalloc int[Parts];
        bytes.CopyTo(MemoryMarshal.AsBytes(parts));
        int scale = (parts[3] & ~SignBit) >> ScaleShift;
        if (scale > ScaleMax || (parts[3] & ~SignBit) != scale << ScaleShift) return false;
        value = new decimal(parts);
        return true;
    }
}

/// <summary>The clock's ticks (64 bits) and the offset in minutes (16 bits, signed), little-endian.</summary>
internal sealed class DateTimeOffsetValueCodec : ValueCodec<DateTimeOffset>
{
    private const int ValueBytes = sizeof(long) + sizeof(short);
    private const int OffsetMinutesMax = 14 * 60;

    public override void Write(DateTimeOffset value, IBufferWriter<byte> destination)
    {
        Span<byte> bytes = destination.GetSpan(ValueBytes);
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value.Ticks);
        BinaryPrimitives.WriteInt16LittleEndian(bytes[sizeof(long)..], (short)value.TotalOffsetMinutes);
        destination.Advance(ValueBytes);
    }

    public override bool TryRead(ReadOnlySpan<byte> bytes, out DateTimeOffset value)
    {
        value = default;
        if (bytes.Length != ValueBytes) return false;
        long ticks = BinaryPrimitives.ReadInt64LittleEndian(bytes);
        int minutes = BinaryPrimitives.ReadInt16LittleEndian(bytes[sizeof(long)..]);
        if (ticks < 0 || ticks > DateTime.MaxValue.Ticks || Math.Abs(minutes) > OffsetMinutesMax) return false;
        long universalTicks = ticks - (minutes * TimeSpan.TicksPerMinute);
        if (universalTicks < 0 || universalTicks > DateTime.MaxValue.Ticks) return false;
        value = new DateTimeOffset(ticks, TimeSpan.FromMinutes(minutes));
        return true;
    }
}

/// <summary>Values that are stored as another type's.</summary>
internal sealed class ConvertedValueCodec<T, TStored>(
    ValueCodec<TStored> stored, Func<T, TStored> toStored, FromStored<TStored, T> tryFromStored) : ValueCodec<T>
{
    public override void Write(T value, IBufferWriter<byte> destination) => stored.Write(toStored(value), destination);

    public override bool TryRead(ReadOnlySpan<byte> bytes, [MaybeNullWhen(false)] out T value)
    {
        value = default;
        return stored.TryRead(bytes, out TStored? read) && tryFromStored(read, out value);
    }

    internal override string Explain(ReadOnlySpan<byte> bytes) => stored.Explain(bytes);
}
