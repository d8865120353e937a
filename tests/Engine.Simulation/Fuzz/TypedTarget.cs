using System.Buffers;

namespace Varve.Simulation;

/// <summary>
/// Codecs of keys and values. What a key codec reads it writes as the same bytes: a key has one form. What a value codec reads it reads
/// again from what it writes.
/// </summary>
internal sealed class TypedTarget() : FuzzTarget("typed")
{
    private static readonly Checker[] Checkers =
    [
        OfKey<byte>(1), OfKey<int>(-5), OfKey<ulong>(7), OfKey<Int128>(-1), OfKey<double>(1.5), OfKey<float>(-2), OfKey<decimal>(12.50m),
        OfKey<string>("text"), OfKey<byte[]>([1, 0, 2]), OfKey<Guid>(new Guid(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)), OfKey<bool>(true),
        OfKey<char>('c'), OfKey(new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc)), OfKey(new DateOnly(2026, 1, 2)),
        OfKey(new TimeOnly(3, 4, 5)), OfKey(TimeSpan.FromDays(-2)), OfKey(DayOfWeek.Friday),
        OfKey(("a\0b", 5), KeyCodec.Tuple<string, int>()),
        OfKey((new byte[] { 0, 0xFF }, "x", 3.5), KeyCodec.Tuple<byte[], string, double>()),
        OfKey((1m, "z", Guid.Empty, true), KeyCodec.Tuple<decimal, string, Guid, bool>()),
        OfValue<int>(5), OfValue<string>("text"), OfValue<byte[]>([1, 2]), OfValue<decimal>(-1.25m), OfValue<double>(double.NaN),
        OfValue(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.FromHours(-7))), OfValue(new DateTime(2026, 1, 2)), OfValue<bool>(true),
        OfValue(Guid.Empty), OfValue(new DateOnly(2026, 1, 2)), OfValue(TimeSpan.MinValue),
    ];

    private delegate void CheckBytes(ReadOnlySpan<byte> bytes);

    public override IReadOnlyList<byte[]> Seeds { get; } =
        [.. Checkers.Select(static (checker, index) => (byte[])[(byte)index, .. checker.Seed])];

    public override void Check(ReadOnlySpan<byte> input)
    {
        if (!input.IsEmpty) Checkers[input[0] % Checkers.Length].Check(input[1..]);
    }

    private static Checker OfKey<T>(T sample, KeyCodec<T>? codec = null)
    {
        codec ??= KeyCodec.For<T>();
        return new Checker(Write(codec, sample), bytes =>
        {
            if (!codec.TryRead(bytes, out T? key)) return;
            byte[] written = Write(codec, key);
            if (!bytes.SequenceEqual(written))
                throw new HistoryViolationException($"{typeof(T)} {key} has a second form, {Convert.ToHexString(written)}");
        });
    }

    private static byte[] Write<T>(KeyCodec<T> codec, T key)
    {
        var written = new ArrayBufferWriter<byte>();
        codec.Write(key, written);
        return written.WrittenSpan.ToArray();
    }

    private static Checker OfValue<T>(T sample)
    {
        ValueCodec<T> codec = ValueCodec.For<T>();
        byte[] Write(T value)
        {
            var written = new ArrayBufferWriter<byte>();
            codec.Write(value, written);
            return written.WrittenSpan.ToArray();
        }

        return new Checker(Write(sample), bytes =>
        {
            if (!codec.TryRead(bytes, out T? value)) return;
            byte[] written = Write(value);
            if (!codec.TryRead(written, out T? again) || !Write(again).AsSpan().SequenceEqual(written))
                throw new HistoryViolationException($"{typeof(T)} {value} is another when it is written again");
        });
    }

    private sealed record Checker(byte[] Seed, CheckBytes Check);
}
