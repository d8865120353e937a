using System.Buffers;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.FSharp.Core;

namespace Varve.Tests.Typed;

/// <summary>What must hold for every key codec, checked for one.</summary>
internal interface IKeyCodecCase
{
    void CheckOrder(ulong seed);

    void CheckRoundTrip(ulong seed);

    void CheckForeignBytes(ulong seed);
}

/// <param name="Codec">The codec.</param>
/// <param name="Keys">Keys.</param>
/// <param name="Order">The order that the bytes must have.</param>
internal sealed record KeyCodecCase<T>(KeyCodec<T> Codec, Gen<T> Keys, Comparison<T> Order) : IKeyCodecCase
{
    private const int Repetitions = 1_500;

    public void CheckOrder(ulong seed) => Check(seed, Gen.ArrayOf(Keys, 2), pair =>
    {
        int expected = Math.Sign(Order(pair[0], pair[1]));
        int actual = Math.Sign(Encode(pair[0]).AsSpan().SequenceCompareTo(Encode(pair[1])));
        Assert.Equal(expected, actual);
    });

    public void CheckRoundTrip(ulong seed) => Check(seed, Keys, key =>
    {
        byte[] bytes = Encode(key);
        Assert.True(Codec.TryRead(bytes, out T? read));
        Assert.Equal(0, Order(key, read));
        Assert.Equal(bytes, Encode(read));
        if (Codec.FixedBytes > 0) Assert.Equal(Codec.FixedBytes, bytes.Length);
    });

    /// <summary>A key has one form: what is read at all is written again as it was.</summary>
    public void CheckForeignBytes(ulong seed) => Check(seed, ForeignBytes.Of(Keys.Select(Encode)), bytes =>
    {
        if (Codec.TryRead(bytes, out T? read)) Assert.Equal(bytes, Encode(read));
    });

    private byte[] Encode(T key)
    {
        var writer = new ArrayBufferWriter<byte>();
        Codec.Write(key, writer);
        return writer.WrittenSpan.ToArray();
    }

    private static void Check<TDrawn>(ulong seed, Gen<TDrawn> drawn, Action<TDrawn> check) =>
        ForeignBytes.Check(seed, Repetitions, drawn, check);
}

/// <summary>Bytes that no codec wrote, or that were changed since.</summary>
internal static class ForeignBytes
{
    public static Gen<byte[]> Of(Gen<byte[]> written) => Gen.OneOf(
        KeyGenerators.Bytes,
        Gen.Choose(0, 40).SelectMany(count => Gen.ArrayOf(Gen.Choose(0, 255).Select(b => (byte)b), count)),
        written,
        written.SelectMany(_ => KeyGenerators.Bytes, (bytes, more) => (byte[])[.. bytes, .. more]),
        written.SelectMany(_ => KeyGenerators.Bits, (bytes, draw) => bytes[..(int)(draw % ((ulong)bytes.Length + 1))]),
        written.SelectMany(_ => KeyGenerators.Bits, Changed));

    public static void Check<T>(ulong seed, int repetitions, Gen<T> drawn, Action<T> check)
    {
        Config config = Config.QuickThrowOnFailure
            .WithName($"seed {seed}")
            .WithMaxTest(repetitions)
            .WithReplay(FSharpOption<Replay>.Some(new Replay(new Rnd(seed, (2 * seed) + 1), FSharpOption<int>.None)));
        FsCheck.Check.One(config, Prop.ForAll(Arb.From(drawn), check));
    }

    private static byte[] Changed(byte[] bytes, ulong draw)
    {
        byte[] changed = [.. bytes];
        if (changed.Length > 0) changed[(int)(draw % (ulong)changed.Length)] = (byte)(draw >> 32);
        return changed;
    }
}
