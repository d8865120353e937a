using System.Buffers.Binary;

namespace Varve.Simulation;

/// <summary>
/// Fast numbers from a seed (splitmix64) that can begin anew for each part of a history: what one part draws, or whether it runs at
/// all, changes nothing for the next. So a history stays what it was when parts of it are left away.
/// </summary>
internal sealed class HistoryRandom(int seed) : Random(0)
{
    private ulong _state = Mix((ulong)(uint)seed);

    /// <summary>Begins the part with this number.</summary>
    public void Begin(int partSeed, int part) => _state = Mix(((ulong)(uint)partSeed << 32) | (uint)part);

    public override int Next() => (int)(NextBits() >> 33);

    public override int Next(int maxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxValue);
        return (int)(((NextBits() >> 32) * (ulong)maxValue) >> 32);
    }

    public override int Next(int minValue, int maxValue)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minValue, maxValue);
        return (int)(minValue + (long)(((NextBits() >> 32) * (ulong)((long)maxValue - minValue)) >> 32));
    }

    public override long NextInt64() => (long)(NextBits() >> 1);

    public override long NextInt64(long maxValue) => NextInt64(0, maxValue);

    public override long NextInt64(long minValue, long maxValue)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minValue, maxValue);
        return minValue + (long)Math.BigMul(NextBits(), (ulong)(maxValue - minValue), out _);
    }

    public override double NextDouble() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    public override void NextBytes(byte[] buffer) => NextBytes(buffer.AsSpan());

    public override void NextBytes(Span<byte> buffer)
    {
        while (buffer.Length >= sizeof(ulong))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(buffer, NextBits());
            buffer = buffer[sizeof(ulong)..];
        }

        ulong rest = NextBits();
        for (int i = 0; i < buffer.Length; i++, rest >>= 8) buffer[i] = (byte)rest;
    }

    protected override double Sample() => NextDouble();

    private ulong NextBits()
    {
        _state += 0x9E3779B97F4A7C15;
        return Mix(_state);
    }

    private static ulong Mix(ulong bits)
    {
        bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9;
        bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB;
        return bits ^ (bits >> 31);
    }
}
