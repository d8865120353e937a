using Varve.Runtime;

namespace Varve.Simulation;

/// <summary>The same bytes for the same seed and order of calls. Safe for concurrent use.</summary>
internal sealed class SeededRandom(int seed) : RandomSource
{
    private readonly Lock _gate = new();
    private readonly Random _random = new(seed);

    public override void Fill(Span<byte> destination)
    {
        lock (_gate) _random.NextBytes(destination);
    }
}
