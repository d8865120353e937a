using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;
using FsCheck;
using FsCheck.Fluent;

namespace Varve.Tests.Typed;

public sealed partial class ValueCodecTests
{
    private const ulong Seed = 11;
    private const int Repetitions = 1_500;

    private static readonly Dictionary<string, Action> Cases = new()
    {
        ["byte"] = () => Check(KeyGenerators.Numbers.Select(bits => (byte)bits)),
        ["sbyte"] = () => Check(KeyGenerators.Numbers.Select(bits => (sbyte)bits)),
        ["ushort"] = () => Check(KeyGenerators.Numbers.Select(bits => (ushort)bits)),
        ["short"] = () => Check(KeyGenerators.Numbers.Select(bits => (short)bits)),
        ["uint"] = () => Check(KeyGenerators.Numbers.Select(bits => (uint)bits)),
        ["int"] = () => Check(KeyGenerators.Numbers.Select(bits => (int)bits)),
        ["ulong"] = () => Check(KeyGenerators.Numbers),
        ["long"] = () => Check(KeyGenerators.Numbers.Select(bits => (long)bits)),
        ["UInt128"] = () => Check(KeyGenerators.WideNumbers),
        ["Int128"] = () => Check(KeyGenerators.WideNumbers.Select(bits => (Int128)bits)),
        ["char"] = () => Check(KeyGenerators.Numbers.Select(bits => (char)bits)),
        ["bool"] = () => Check(Gen.Elements(true, false)),
        ["enum"] = () => Check(KeyGenerators.Numbers.Select(bits => (DayOfWeek)bits)),
        ["double"] = () => Check(
            KeyGenerators.Doubles, (a, b) => Same(BitConverter.DoubleToInt64Bits(a), BitConverter.DoubleToInt64Bits(b))),
        ["float"] = () => Check(
            KeyGenerators.Floats, (a, b) => Same(BitConverter.SingleToInt32Bits(a), BitConverter.SingleToInt32Bits(b))),
        ["decimal"] = () => Check(KeyGenerators.Decimals, (a, b) => Assert.Equal(decimal.GetBits(a), decimal.GetBits(b))),
        ["string"] = () => Check(KeyGenerators.Texts),
        ["byte[]"] = () => Check(KeyGenerators.Bytes),
        ["Guid"] = () => Check(Gen.ArrayOf(Gen.Choose(0, 255).Select(b => (byte)b), 16).Select(bytes => new Guid(bytes))),
        ["DateTime"] = () => Check(
            KeyGenerators.Times.SelectMany(_ => Gen.Choose(0, 2), (time, kind) => DateTime.SpecifyKind(time, (DateTimeKind)kind)),
            (a, b) => Same((a, a.Kind), (b, b.Kind))),
        ["DateTimeOffset"] = () => Check(KeyGenerators.OffsetTimes, (a, b) => Same((a, a.Offset), (b, b.Offset))),
        ["DateOnly"] = () => Check(KeyGenerators.UpTo(DateOnly.MaxValue.DayNumber).Select(day => DateOnly.FromDayNumber((int)day))),
        ["TimeOnly"] = () => Check(KeyGenerators.UpTo(TimeOnly.MaxValue.Ticks).Select(ticks => new TimeOnly(ticks))),
        ["TimeSpan"] = () => Check(KeyGenerators.Numbers.Select(bits => new TimeSpan((long)bits))),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_value_is_read_back_exactly_and_foreign_bytes_are_refused_or_a_value_in_its_only_form(string name) => Cases[name]();

    [Fact]
    public void Json_is_read_back_and_foreign_bytes_are_refused()
    {
        ValueCodec<Order> codec = ValueCodec.Json(OrderContext.Default.Order);
        Gen<Order> orders = KeyGenerators.Texts.SelectMany(_ => KeyGenerators.Decimals, (text, number) => new Order(text, number, [text]));
        ForeignBytes.Check(Seed, Repetitions, orders, order =>
        {
            Assert.True(codec.TryRead(Encode(codec, order), out Order? read));
            Assert.Equal((order.Customer, order.Total, order.Lines[0]), (read!.Customer, read.Total, read.Lines[0]));
        });
        ForeignBytes.Check(Seed, Repetitions, ForeignBytes.Of(orders.Select(order => Encode(codec, order))), bytes =>
        {
            codec.TryRead(bytes, out _);
        });
    }

    [Fact]
    public void Json_follows_the_options_of_its_context()
    {
        Assert.Equal("{\"customer\":\"a\",\"total\":1.50,\"lines\":[]}", Text(ValueCodec.Json(OrderContext.Default.Order)));
        var indented = new JsonSerializerOptions { WriteIndented = true, NewLine = "\n" };
        Assert.Contains("\n  \"Customer\"", Text(ValueCodec.Json<Order>(indented)));

        static string Text(ValueCodec<Order> codec) => System.Text.Encoding.UTF8.GetString(Encode(codec, new Order("a", 1.50m, [])));
    }

    [Fact]
    public void A_value_that_json_fails_on_does_not_spoil_the_next()
    {
        ValueCodec<Fragile> codec = ValueCodec.Json<Fragile>();
        Encode(codec, new Fragile(false));
        Assert.Throws<InvalidTimeZoneException>(() => Encode(codec, new Fragile(true)));
        Assert.Equal("{\"First\":1,\"Second\":2}"u8.ToArray(), Encode(codec, new Fragile(false)));
    }

    [Fact]
    public void A_converted_codec_stores_what_it_is_told()
    {
        ValueCodec<Version> codec = ValueCodec.Text.Convert<Version>(version => version.ToString(), text => new Version(text));
        Assert.True(codec.TryRead("1.2"u8, out Version? read));
        Assert.Equal(new Version(1, 2), read);
        Assert.Equal("1.2"u8.ToArray(), Encode(codec, read));
    }

    [Fact]
    public void A_type_without_a_codec_is_told_what_to_do() =>
        Assert.Contains("ValueCodec.Json", Assert.Throws<NotSupportedException>(() => ValueCodec.For<Order>()).Message);

    [Fact]
    public void What_has_no_form_in_bytes_is_refused()
    {
        Assert.Throws<ArgumentNullException>(() => Encode(ValueCodec.Text, null!));
        Assert.Throws<ArgumentNullException>(() => Encode(ValueCodec.Bytes, null!));
        Assert.Throws<ArgumentException>(() => Encode(ValueCodec.Text, "\uD800"));
    }

    private static void Check<T>(Gen<T> values, Action<T, T>? same = null)
    {
        ValueCodec<T> codec = ValueCodec.For<T>();
        ForeignBytes.Check(Seed, Repetitions, values, value =>
        {
            byte[] bytes = Encode(codec, value);
            Assert.True(codec.TryRead(bytes, out T? read));
            if (same is null) Assert.Equal(value, read);
            else same(value, read);
        });
        ForeignBytes.Check(Seed, Repetitions, ForeignBytes.Of(values.Select(value => Encode(codec, value))), bytes =>
        {
            if (codec.TryRead(bytes, out T? read)) Assert.Equal(bytes, Encode(codec, read));
        });
    }

    private static void Same<T>(T expected, T actual) => Assert.Equal(expected, actual);

    private static byte[] Encode<T>(ValueCodec<T> codec, T value)
    {
        var writer = new ArrayBufferWriter<byte>();
        codec.Write(value, writer);
        return writer.WrittenSpan.ToArray();
    }

    internal sealed record Order(string Customer, decimal Total, string[] Lines);

    internal sealed class Fragile(bool breaks)
    {
        public int First => 1;

        public int Second => breaks ? throw new InvalidTimeZoneException() : 2;
    }

    [JsonSerializable(typeof(Order))]
    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    private sealed partial class OrderContext : JsonSerializerContext;
}
