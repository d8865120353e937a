using FsCheck;
using FsCheck.Fluent;

namespace Varve.Tests.Typed;

/// <summary>Keys and values over the whole range of their types, with what is special in them often.</summary>
internal static class KeyGenerators
{
    private static readonly string[] TextPieces =
    [
        "", "\0", "\u0001", "a", "b", "ab", "\u007F", "\u0080", "ä", "\u07FF", "\u0800", "\uD7FF", "\uE000", "\uFFFF",
        "\U00010000", "\U0010FFFF",
    ];

    public static Gen<ulong> Bits { get; } = Gen.Choose(int.MinValue, int.MaxValue)
        .SelectMany(_ => Gen.Choose(int.MinValue, int.MaxValue), (upper, lower) => ((ulong)(uint)upper << 32) | (uint)lower)
        .SelectMany(_ => Gen.Choose(0, 63), (bits, shift) => bits >> shift);

    public static Gen<UInt128> WideBits { get; } = Bits.SelectMany(_ => Bits, (upper, lower) => new UInt128(upper, lower));

    /// <summary>Small ones, near a power of two, near the ends, and any.</summary>
    public static Gen<ulong> Numbers { get; } = Gen.OneOf(
        Gen.Choose(-3, 3).Select(number => (ulong)number),
        Gen.Choose(0, 63).SelectMany(_ => Gen.Choose(-2, 2), (shift, more) => (1UL << shift) + (ulong)more),
        Bits);

    public static Gen<UInt128> WideNumbers { get; } = Gen.OneOf(
        Gen.Choose(-3, 3).Select(number => (UInt128)(Int128)number),
        Gen.Choose(0, 127).SelectMany(_ => Gen.Choose(-2, 2), (shift, more) => (UInt128.One << shift) + (UInt128)(Int128)more),
        WideBits);

    public static Gen<string> Texts { get; } = Gen.Choose(0, 6)
        .SelectMany(count => Gen.ArrayOf(Gen.Elements(TextPieces), count))
        .Select(pieces => string.Concat(pieces));

    public static Gen<byte[]> Bytes { get; } = Gen.Choose(0, 8).SelectMany(
        count => Gen.ArrayOf(Gen.OneOf(Gen.Elements((byte)0, (byte)1, (byte)255), Gen.Choose(0, 255).Select(b => (byte)b)), count));

    public static Gen<double> Doubles { get; } = Gen.OneOf(
        Gen.Elements(
            0.0, -0.0, double.NaN, -double.NaN, double.Epsilon, -double.Epsilon, double.MinValue, double.MaxValue,
            double.PositiveInfinity, double.NegativeInfinity, 1, -1),
        Numbers.Select(BitConverter.UInt64BitsToDouble),
        Gen.Choose(-1000, 1000).Select(number => number / 8.0));

    public static Gen<float> Floats { get; } = Gen.OneOf(
        Doubles.Select(number => (float)number),
        Numbers.Select(bits => BitConverter.UInt32BitsToSingle((uint)bits)),
        Gen.Elements(float.Epsilon, -float.Epsilon, float.MaxValue, float.MinValue, -0f));

    public static Gen<decimal> Decimals { get; } = Gen.OneOf(
        Gen.Elements(0m, 0.00m, -0.0m, 1m, 1.0m, 1.50m, -1m, decimal.MaxValue, decimal.MinValue, 1e-28m, -1e-28m, 0.1m),
        WideNumbers.SelectMany(
            _ => Gen.Choose(0, 57),
            (bits, scale) => Decimal((uint)bits, (uint)(bits >> 32), (uint)(bits >> 64), scale > 28, scale % 29)),
        Gen.Choose(-20, 20).SelectMany(
            _ => Gen.Choose(0, 3), (number, scale) => Decimal((uint)Math.Abs(number), 0, 0, number < 0, scale)));

    /// <summary>0 to the most, with both ends often.</summary>
    public static Gen<long> UpTo(long most) => Gen.OneOf(
        Gen.Elements(0, 1, most - 1, most, most / 2),
        Bits.Select(bits => (long)(bits % ((ulong)most + 1))));

    public static Gen<DateTime> Times { get; } = UpTo(DateTime.MaxValue.Ticks)
        .SelectMany(_ => Gen.Elements(DateTimeKind.Utc, DateTimeKind.Unspecified), (ticks, kind) => new DateTime(ticks, kind));

    public static Gen<DateTimeOffset> OffsetTimes { get; } = UpTo(DateTime.MaxValue.Ticks)
        .SelectMany(_ => Gen.Choose(-14 * 60, 14 * 60), (ticks, minutes) => Offset(ticks, minutes));

    private static decimal Decimal(uint lower, uint middle, uint upper, bool isNegative, int scale) =>
        new((int)lower, (int)middle, (int)upper, isNegative, (byte)scale);

    private static DateTimeOffset Offset(long universalTicks, int minutes)
    {
        long clock = universalTicks + (minutes * TimeSpan.TicksPerMinute);
        bool isClock = clock >= 0 && clock <= DateTime.MaxValue.Ticks;
        return isClock ? new DateTimeOffset(clock, TimeSpan.FromMinutes(minutes)) : new DateTimeOffset(universalTicks, TimeSpan.Zero);
    }
}
