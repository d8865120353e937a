using System.Buffers;
using System.Numerics;
using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace Varve.Tests.Typed;

/// <summary>The order of the bytes is the order of the keys, and bytes of others are refused, for each codec.</summary>
public sealed class KeyCodecTests
{
    private const ulong Seed = 3;

    public enum Level : sbyte
    {
        Lowest = sbyte.MinValue,
        Below = -1,
        None = 0,
        Highest = sbyte.MaxValue,
    }

    public enum Place : ulong
    {
        First = 0,
        Last = ulong.MaxValue,
    }

    private static readonly Dictionary<string, IKeyCodecCase> Cases = new()
    {
        ["byte"] = Integer<byte>(),
        ["sbyte"] = Integer<sbyte>(),
        ["ushort"] = Integer<ushort>(),
        ["short"] = Integer<short>(),
        ["uint"] = Integer<uint>(),
        ["int"] = Integer<int>(),
        ["ulong"] = Integer<ulong>(),
        ["long"] = Integer<long>(),
        ["UInt128"] = Integer<UInt128>(),
        ["Int128"] = Integer<Int128>(),
        ["char"] = Comparable(KeyGenerators.Numbers.Select(bits => (char)bits)),
        ["bool"] = Comparable(Gen.Elements(true, false)),
        ["double"] = Comparable(KeyGenerators.Doubles),
        ["float"] = Comparable(KeyGenerators.Floats),
        ["decimal"] = Comparable(KeyGenerators.Decimals),
        ["string"] = new KeyCodecCase<string>(KeyCodec.For<string>(), KeyGenerators.Texts, CompareCodePoints),
        ["byte[]"] = new KeyCodecCase<byte[]>(KeyCodec.For<byte[]>(), KeyGenerators.Bytes, CompareBytes),
        ["Guid"] = Comparable(KeyGenerators.WideNumbers.Select(ToGuid)),
        ["DateTime"] = Comparable(KeyGenerators.Times),
        ["DateTimeOffset"] = Comparable(KeyGenerators.OffsetTimes),
        ["DateOnly"] = Comparable(KeyGenerators.UpTo(DateOnly.MaxValue.DayNumber).Select(day => DateOnly.FromDayNumber((int)day))),
        ["TimeOnly"] = Comparable(KeyGenerators.UpTo(TimeOnly.MaxValue.Ticks).Select(ticks => new TimeOnly(ticks))),
        ["TimeSpan"] = Comparable(KeyGenerators.Numbers.Select(bits => new TimeSpan((long)bits))),
        ["enum of sbyte"] = new KeyCodecCase<Level>(
            KeyCodec.For<Level>(), KeyGenerators.Numbers.Select(bits => (Level)(sbyte)bits), (a, b) => ((sbyte)a).CompareTo((sbyte)b)),
        ["enum of ulong"] = new KeyCodecCase<Place>(
            KeyCodec.For<Place>(), KeyGenerators.Numbers.Select(bits => (Place)bits), (a, b) => ((ulong)a).CompareTo((ulong)b)),
        ["(string, int)"] = new KeyCodecCase<(string, int)>(
            KeyCodec.Tuple<string, int>(),
            KeyGenerators.Texts.SelectMany(_ => Integers<int>(), (text, number) => (text, number)),
            (a, b) => Both(CompareCodePoints(a.Item1, b.Item1), a.Item2.CompareTo(b.Item2))),
        ["(byte[], byte[])"] = new KeyCodecCase<(byte[], byte[])>(
            KeyCodec.Tuple<byte[], byte[]>(),
            Pairs(KeyGenerators.Bytes),
            (a, b) => Both(CompareBytes(a.Item1, b.Item1), CompareBytes(a.Item2, b.Item2))),
        ["((byte[], byte[]), (byte[], byte[]))"] = new KeyCodecCase<((byte[], byte[]), (byte[], byte[]))>(
            KeyCodec.Tuple(KeyCodec.Tuple<byte[], byte[]>(), KeyCodec.Tuple<byte[], byte[]>()),
            Pairs(Pairs(KeyGenerators.Bytes)),
            (a, b) => Both(
                Both(CompareBytes(a.Item1.Item1, b.Item1.Item1), CompareBytes(a.Item1.Item2, b.Item1.Item2)),
                Both(CompareBytes(a.Item2.Item1, b.Item2.Item1), CompareBytes(a.Item2.Item2, b.Item2.Item2)))),
        ["(bool, byte[], sbyte, byte[], decimal, byte, byte[])"] =
            new KeyCodecCase<(bool, byte[], sbyte, byte[], decimal, byte, byte[])>(
                KeyCodec.Tuple<bool, byte[], sbyte, byte[], decimal, byte, byte[]>(), Sevens(), CompareSevens),
        ["(byte, sbyte, short, ushort, int, uint), fixed"] = new KeyCodecCase<(byte, sbyte, short, ushort, int, uint)>(
            KeyCodec.Tuple<byte, sbyte, short, ushort, int, uint>(),
            Gen.ArrayOf(KeyGenerators.Numbers, 6).Select(n => ((byte)n[0], (sbyte)n[1], (short)n[2], (ushort)n[3], (int)n[4], (uint)n[5])),
            (a, b) => a.CompareTo(b)),
        ["converted text in a tuple"] = new KeyCodecCase<(Uri, long)>(
            KeyCodec.Tuple<Uri, long>(
                KeyCodec.Text.Convert<Uri>(uri => uri.OriginalString, text => new Uri(text, UriKind.RelativeOrAbsolute))),
            Gen.Elements("a", "b", "b/c", "xy:z", "").Select(text => new Uri(text, UriKind.RelativeOrAbsolute))
                .SelectMany(_ => Integers<long>(), (uri, number) => (uri, number)),
            (a, b) => Both(CompareCodePoints(a.Item1.OriginalString, b.Item1.OriginalString), a.Item2.CompareTo(b.Item2))),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_order_of_the_bytes_is_the_order_of_the_keys(string name) => Cases[name].CheckOrder(Seed);

    [Theory]
    [MemberData(nameof(Names))]
    public void A_key_is_read_back(string name) => Cases[name].CheckRoundTrip(Seed + 1);

    [Theory]
    [MemberData(nameof(Names))]
    public void Foreign_bytes_are_refused_or_are_a_key_in_its_only_form(string name) => Cases[name].CheckForeignBytes(Seed + 2);

    /// <summary>Stored on disk: these bytes never change.</summary>
    [Fact]
    public void The_bytes_are_those_of_the_page()
    {
        Assert.Equal("80000001", Hex(1));
        Assert.Equal("7FFFFFFF", Hex(-1));
        Assert.Equal("0102", Hex((ushort)258));
        Assert.Equal("BFF0000000000000", Hex(1.0));
        Assert.Equal("400FFFFFFFFFFFFF", Hex(-1.0));
        Assert.Equal("0000000000000000", Hex(double.NaN));
        Assert.Equal("01", Hex(true));
        Assert.Equal("61C3A4", Hex("aä"));
        Assert.Equal("0123456789ABCDEF0123456789ABCDEF", Hex(Guid.Parse("01234567-89AB-CDEF-0123-456789ABCDEF")));
        Assert.Equal("08DE48C8B4F80000", Hex(new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc)));
        Assert.Equal("000B4920", Hex(new DateOnly(2026, 1, 1)));
        Assert.Equal("800000000000000000000000204FCE5E3E25026110000000", Hex(1m));
        Assert.Equal("61000180000002", Hex(("a", 2), KeyCodec.Tuple<string, int>()));
        Assert.Equal("8000000261", Hex((2, "a"), KeyCodec.Tuple<int, string>()));
        Assert.Equal("6100FF62000100", Hex(("a\0b", "\0"), KeyCodec.Tuple<string, string>()));
    }

    [Fact]
    public void Keys_that_are_equal_are_one_key()
    {
        Assert.Equal(Hex(0.0), Hex(-0.0));
        Assert.Equal(Hex(double.NaN), Hex(-double.NaN));
        Assert.Equal(Hex(1.5m), Hex(1.500m));
        Assert.Equal(Hex(0m), Hex(-0.00m));
        var noon = new DateTimeOffset(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);
        Assert.Equal(Hex(noon), Hex(noon.ToOffset(TimeSpan.FromHours(9))));
    }

    [Fact]
    public void Not_a_number_sorts_first_as_in_dotnet() =>
        Assert.True(string.CompareOrdinal(Hex(double.NaN), Hex(double.NegativeInfinity)) < 0);

    [Fact]
    public void What_has_no_form_in_bytes_is_refused()
    {
        var writer = new ArrayBufferWriter<byte>();
        Assert.Throws<ArgumentNullException>(() => KeyCodec.Text.Write(null!, writer));
        Assert.Throws<ArgumentNullException>(() => KeyCodec.Bytes.Write(null!, writer));
        Assert.Throws<ArgumentException>(() => KeyCodec.Text.Write("a\uD800b", writer));
        Assert.Throws<ArgumentException>(() => KeyCodec.Text.Write("\uDC00", writer));
        Assert.Throws<ArgumentException>(() => KeyCodec.Text.Write(new string('x', 5000) + "\uD800", writer));
        Assert.Throws<ArgumentException>(() => KeyCodec.For<DateTime>().Write(DateTime.Now, writer));
        Assert.Equal(0, writer.WrittenCount);
    }

    [Fact]
    public void A_type_without_a_codec_is_told_what_to_do()
    {
        Assert.Contains("KeyCodec.Tuple", Assert.Throws<NotSupportedException>(() => KeyCodec.For<(int, int)>()).Message);
        Assert.Throws<NotSupportedException>(() => KeyCodec.For<Version>());
        Assert.Throws<NotSupportedException>(() => KeyCodec.For<object>());
        Assert.Throws<NotSupportedException>(() => KeyCodec.Tuple<int, Version>());
    }

    [Fact]
    public void A_conversion_may_refuse_what_is_stored()
    {
        KeyCodec<Uri> codec = KeyCodec.Text.Convert<Uri>(uri => uri.OriginalString, text => new Uri(text));
        Assert.True(codec.TryRead("x://y"u8, out Uri? read));
        Assert.Equal("x://y", read.OriginalString);
        Assert.False(codec.TryRead("no uri"u8, out _));
    }

    [Fact]
    public void A_codec_of_fixed_length_is_held_to_it()
    {
        KeyCodec<(int, int)> pairs = KeyCodec.Tuple(new Liar(), KeyCodec.For<int>());
        Assert.Throws<InvalidOperationException>(() => pairs.Write((1, 2), new ArrayBufferWriter<byte>()));
    }

    private static string Hex<T>(T key, KeyCodec<T>? codec = null)
    {
        var writer = new ArrayBufferWriter<byte>();
        (codec ?? KeyCodec.For<T>()).Write(key, writer);
        return Convert.ToHexString(writer.WrittenSpan);
    }

    private static KeyCodecCase<T> Integer<T>()
        where T : IBinaryInteger<T> => new(KeyCodec.For<T>(), Integers<T>(), (a, b) => a.CompareTo(b));

    private static KeyCodecCase<T> Comparable<T>(Gen<T> keys)
        where T : IComparable<T> => new(KeyCodec.For<T>(), keys, (a, b) => a.CompareTo(b));

    private static Gen<T> Integers<T>()
        where T : INumberBase<T> => KeyGenerators.WideNumbers.Select(T.CreateTruncating);

    private static Gen<(T, T)> Pairs<T>(Gen<T> one) => one.SelectMany(_ => one, (first, second) => (first, second));

    private static Gen<(bool, byte[], sbyte, byte[], decimal, byte, byte[])> Sevens() => Gen.ArrayOf(KeyGenerators.Bytes, 3)
        .SelectMany(_ => KeyGenerators.Decimals, (texts, number) => (texts, number))
        .SelectMany(_ => KeyGenerators.Bits, (drawn, bits) =>
            (bits % 2 == 0, drawn.texts[0], (sbyte)(bits >> 1), drawn.texts[1], drawn.number, (byte)(bits >> 9), drawn.texts[2]));

    private static int CompareSevens(
        (bool, byte[], sbyte, byte[], decimal, byte, byte[]) a, (bool, byte[], sbyte, byte[], decimal, byte, byte[]) b) =>
        Both(
            Both(a.Item1.CompareTo(b.Item1), CompareBytes(a.Item2, b.Item2)),
            Both(
                Both(a.Item3.CompareTo(b.Item3), CompareBytes(a.Item4, b.Item4)),
                Both(a.Item5.CompareTo(b.Item5), Both(a.Item6.CompareTo(b.Item6), CompareBytes(a.Item7, b.Item7)))));

    private static int Both(int first, int second) => first != 0 ? first : second;

    private static int CompareBytes(byte[] a, byte[] b) => a.AsSpan().SequenceCompareTo(b);

    private static int CompareCodePoints(string a, string b)
    {
        Rune[] left = [.. a.EnumerateRunes()];
        Rune[] right = [.. b.EnumerateRunes()];
        for (int i = 0; i < Math.Min(left.Length, right.Length); i++)
        {
            if (left[i] != right[i]) return left[i].CompareTo(right[i]);
        }

        return left.Length - right.Length;
    }

    private static Guid ToGuid(UInt128 bits)
    {
        byte[] bytes = new byte[16];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(bytes, bits);
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>Promises four bytes and writes one.</summary>
    private sealed class Liar() : KeyCodec<int>(4)
    {
        public override void Write(int key, IBufferWriter<byte> destination) => destination.Write([(byte)key]);

        public override bool TryRead(ReadOnlySpan<byte> bytes, out int key)
        {
            key = 0;
            return false;
        }
    }
}
