namespace Varve.Typed;

/// <summary>Which codec a type has. Nothing is made by reflection, so that trimming and native compilation keep what is used.</summary>
internal static class BuiltInValueCodecs
{
    private const int KindShift = 62;
    private const ulong TicksMask = (1UL << KindShift) - 1;

    private static ValueCodec<long> Int64 { get; } = new BitsValueCodec<long>();

    public static class Of<T>
    {
        public static ValueCodec<T>? Codec { get; } = (ValueCodec<T>?)Find(typeof(T)) ?? FindAsKey();

        /// <summary>Enums, and what a key keeps whole.</summary>
        private static KeyValueCodec<T>? FindAsKey()
        {
            bool isKeptByKeys = typeof(T).IsEnum || typeof(T) == typeof(bool) || typeof(T) == typeof(Guid);
            return isKeptByKeys ? new KeyValueCodec<T>(KeyCodec.For<T>()) : null;
        }
    }

    private static object? Find(Type type) => FindInteger(type) ?? FindTime(type) ?? type switch
    {
        _ when type == typeof(string) => ValueCodec.Text,
        _ when type == typeof(byte[]) => ValueCodec.Bytes,
        _ when type == typeof(double) => new BitsValueCodec<double>(),
        _ when type == typeof(float) => new BitsValueCodec<float>(),
        _ when type == typeof(decimal) => new DecimalValueCodec(),
        _ when type == typeof(char) => new BitsValueCodec<char>(),
        _ => null,
    };

    private static object? FindInteger(Type type) => type switch
    {
        _ when type == typeof(byte) => new BitsValueCodec<byte>(),
        _ when type == typeof(sbyte) => new BitsValueCodec<sbyte>(),
        _ when type == typeof(ushort) => new BitsValueCodec<ushort>(),
        _ when type == typeof(short) => new BitsValueCodec<short>(),
        _ when type == typeof(uint) => new BitsValueCodec<uint>(),
        _ when type == typeof(int) => new BitsValueCodec<int>(),
        _ when type == typeof(ulong) => new BitsValueCodec<ulong>(),
        _ when type == typeof(long) => Int64,
        _ when type == typeof(UInt128) => new BitsValueCodec<UInt128>(),
        _ when type == typeof(Int128) => new BitsValueCodec<Int128>(),
        _ => null,
    };

    private static object? FindTime(Type type) => type switch
    {
        _ when type == typeof(DateTime) => new ConvertedValueCodec<DateTime, ulong>(new BitsValueCodec<ulong>(), ToBits, TryFromBits),
        _ when type == typeof(DateTimeOffset) => new DateTimeOffsetValueCodec(),
        _ when type == typeof(DateOnly) => new ConvertedValueCodec<DateOnly, int>(
            new BitsValueCodec<int>(), static value => value.DayNumber, TryFromDayNumber),
        _ when type == typeof(TimeOnly) => new ConvertedValueCodec<TimeOnly, long>(Int64, static value => value.Ticks, TryFromTicks),
        _ when type == typeof(TimeSpan) => new ConvertedValueCodec<TimeSpan, long>(Int64, static value => value.Ticks, TryFromTicks),
        _ => null,
    };

    private static ulong ToBits(DateTime value) => (ulong)value.Ticks | (ulong)value.Kind << KindShift;

    private static bool TryFromBits(ulong stored, out DateTime value)
    {
        ulong ticks = stored & TicksMask;
        var kind = (DateTimeKind)(stored >> KindShift);
        bool isTime = ticks <= (ulong)DateTime.MaxValue.Ticks && kind <= DateTimeKind.Local;
        value = isTime ? new DateTime((long)ticks, kind) : default;
        return isTime;
    }

    private static bool TryFromDayNumber(int stored, out DateOnly value)
    {
        bool isDay = stored >= 0 && stored <= DateOnly.MaxValue.DayNumber;
        value = isDay ? DateOnly.FromDayNumber(stored) : default;
        return isDay;
    }

    private static bool TryFromTicks(long stored, out TimeOnly value)
    {
        bool isTime = stored >= 0 && stored <= TimeOnly.MaxValue.Ticks;
        value = isTime ? new TimeOnly(stored) : default;
        return isTime;
    }

    private static bool TryFromTicks(long stored, out TimeSpan value)
    {
        value = new TimeSpan(stored);
        return true;
    }
}
