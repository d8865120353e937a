using System.Security.Cryptography;

namespace Varve.Runtime;

/// <summary>Where salts, database ids and jitter come from; tests give a seeded one. Safe for concurrent use.</summary>
internal abstract class RandomSource
{
    /// <summary>The operating system's random generator.</summary>
    public static RandomSource System { get; } = new SystemRandomSource();

    public abstract void Fill(Span<byte> destination);

    public ulong NextUInt64()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        Fill(bytes);
        return BitConverter.ToUInt64(bytes);
    }

    private sealed class SystemRandomSource : RandomSource
    {
        public override void Fill(Span<byte> destination) => RandomNumberGenerator.Fill(destination);
    }
}
