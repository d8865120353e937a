using System.Runtime.CompilerServices;

namespace Varve.Typed;

/// <summary>Which codec a type has. Nothing is made by reflection, so that trimming and native compilation keep what is used.</summary>
internal static class BuiltInKeyCodecs
{
    private const ulong SignBit = 1UL << 63;
    private const uint SignBitOfSingle = 1U << 31;

    private static KeyCodec<ulong> UInt64 { get; } = new IntegerKeyCodec<ulong>();

    private static KeyCodec<long> Int64 { get; } = new IntegerKeyCodec<long>();

    public static class Of<T>
    {
        public static KeyCodec<T>? Codec { get; } = (KeyCodec<T>?)(Find(typeof(T)) ?? (typeof(T).IsEnum ? FindEnum<T>() : null));
    }

    private static object? Find(Type type) => FindInteger(type) ?? FindTime(type) ?? type switch
    {
        _ when type == typeof(string) => KeyCodec.Text,
        _ when type == typeof(byte[]) => KeyCodec.Bytes,
        _ when type == typeof(Guid) => new GuidKeyCodec(),
        _ when type == typeof(decimal) => new DecimalKeyCodec(),
        _ when type == typeof(double) => new ConvertedKeyCodec<double, ulong>(UInt64, ToOrdered, TryFromOrdered),
        _ when type == typeof(float) => new ConvertedKeyCodec<float, uint>(new IntegerKeyCodec<uint>(), ToOrdered, TryFromOrdered),
        _ when type == typeof(char) => new ConvertedKeyCodec<char, ushort>(
            new IntegerKeyCodec<ushort>(), static key => key, static (ushort stored, out char key) => IsAny(key = (char)stored)),
        _ when type == typeof(bool) => new ConvertedKeyCodec<bool, byte>(
            new IntegerKeyCodec<byte>(),
            static key => key ? (byte)1 : (byte)0,
            static (byte stored, out bool key) => (key = stored == 1) || stored == 0),
        _ => null,
    };

    private static object? FindInteger(Type type) => type switch
    {
        _ when type == typeof(byte) => new IntegerKeyCodec<byte>(),
        _ when type == typeof(sbyte) => new IntegerKeyCodec<sbyte>(),
        _ when type == typeof(ushort) => new IntegerKeyCodec<ushort>(),
        _ when type == typeof(short) => new IntegerKeyCodec<short>(),
        _ when type == typeof(uint) => new IntegerKeyCodec<uint>(),
        _ when type == typeof(int) => new IntegerKeyCodec<int>(),
        _ when type == typeof(ulong) => UInt64,
        _ when type == typeof(long) => Int64,
        _ when type == typeof(UInt128) => new IntegerKeyCodec<UInt128>(),
        _ when type == typeof(Int128) => new IntegerKeyCodec<Int128>(),
        _ => null,
    };

    private static object? FindTime(Type type) => type switch
    {
        _ when type == typeof(DateTime) => new ConvertedKeyCodec<DateTime, ulong>(UInt64, ToTicks, TryFromTicks),
        _ when type == typeof(DateTimeOffset) => new ConvertedKeyCodec<DateTimeOffset, ulong>(
            UInt64, static key => (ulong)key.UtcTicks, TryFromTicks),
        _ when type == typeof(DateOnly) => new ConvertedKeyCodec<DateOnly, uint>(
            new IntegerKeyCodec<uint>(), static key => (uint)key.DayNumber, TryFromDayNumber),
        _ when type == typeof(TimeOnly) => new ConvertedKeyCodec<TimeOnly, ulong>(UInt64, static key => (ulong)key.Ticks, TryFromTicks),
        _ when type == typeof(TimeSpan) => new ConvertedKeyCodec<TimeSpan, long>(
            Int64, static key => key.Ticks, static (long stored, out TimeSpan key) => IsAny(key = new TimeSpan(stored))),
        _ => null,
    };

    private static object FindEnum<T>()
    {
        // SAFETY: T is an enum (Of checks it), which has the size and bits of its underlying type.
        TypeCode underlying = Type.GetTypeCode(typeof(T).GetEnumUnderlyingType());
        return underlying switch
        {
            TypeCode.Byte => EnumCodec<T, byte>(),
            TypeCode.SByte => EnumCodec<T, sbyte>(),
            TypeCode.UInt16 => EnumCodec<T, ushort>(),
            TypeCode.Int16 => EnumCodec<T, short>(),
            TypeCode.UInt32 => EnumCodec<T, uint>(),
            TypeCode.Int32 => EnumCodec<T, int>(),
            TypeCode.UInt64 => EnumCodec<T, ulong>(),
            _ => EnumCodec<T, long>(),
        };
    }

    private static ConvertedKeyCodec<T, TStored> EnumCodec<T, TStored>()
        where TStored : unmanaged, System.Numerics.IBinaryInteger<TStored>, System.Numerics.IMinMaxValue<TStored> =>
        new(
            new IntegerKeyCodec<TStored>(),
            static key => Unsafe.As<T, TStored>(ref key),
            static (TStored stored, out T key) => IsAny(key = Unsafe.As<TStored, T>(ref stored)));

    // Positive numbers get their sign bit set, negative ones are inverted: then bits sort as numbers. The one NaN sorts first, as CompareTo
    // has it; the inverted bits of a NaN could not be 0 otherwise, as the least number's are 0x000F…
    private static ulong ToOrdered(double key)
    {
        if (double.IsNaN(key)) return 0;
        ulong bits = BitConverter.DoubleToUInt64Bits(key == 0 ? 0.0 : key);
        return (bits & SignBit) != 0 ? ~bits : bits | SignBit;
    }

    private static bool TryFromOrdered(ulong stored, out double key)
    {
        key = stored == 0 ? double.NaN : BitConverter.UInt64BitsToDouble((stored & SignBit) != 0 ? stored & ~SignBit : ~stored);
        return ToOrdered(key) == stored;
    }

    private static uint ToOrdered(float key)
    {
        if (float.IsNaN(key)) return 0;
        uint bits = BitConverter.SingleToUInt32Bits(key == 0 ? 0.0f : key);
        return (bits & SignBitOfSingle) != 0 ? ~bits : bits | SignBitOfSingle;
    }

    private static bool TryFromOrdered(uint stored, out float key)
    {
        key = stored == 0
            ? float.NaN
            : BitConverter.UInt32BitsToSingle((stored & SignBitOfSingle) != 0 ? stored & ~SignBitOfSingle : ~stored);
        return ToOrdered(key) == stored;
    }

    private static ulong ToTicks(DateTime key)
    {
        if (key.Kind != DateTimeKind.Local) return (ulong)key.Ticks;
        throw new ArgumentException(
            "A local time is no key: its order changes with the time zone. Use ToUniversalTime or a DateTimeOffset.", nameof(key));
    }

    private static bool TryFromTicks(ulong stored, out DateTime key)
    {
        bool isTime = stored <= (ulong)DateTime.MaxValue.Ticks;
        key = isTime ? new DateTime((long)stored, DateTimeKind.Utc) : default;
        return isTime;
    }

    private static bool TryFromTicks(ulong stored, out DateTimeOffset key)
    {
        bool isTime = stored <= (ulong)DateTime.MaxValue.Ticks;
        key = isTime ? new DateTimeOffset((long)stored, TimeSpan.Zero) : default;
        return isTime;
    }

    private static bool TryFromTicks(ulong stored, out TimeOnly key)
    {
        bool isTime = stored <= (ulong)TimeOnly.MaxValue.Ticks;
        key = isTime ? new TimeOnly((long)stored) : default;
        return isTime;
    }

    private static bool TryFromDayNumber(uint stored, out DateOnly key)
    {
        bool isDay = stored <= (uint)DateOnly.MaxValue.DayNumber;
        key = isDay ? DateOnly.FromDayNumber((int)stored) : default;
        return isDay;
    }

    /// <summary>True: where every stored value stands for one.</summary>
    private static bool IsAny<T>(T _) => true;
}
