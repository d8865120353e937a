namespace Varve.Workloads.Loads;

/// <summary>
/// Ranks from 0, drawn so that rank r comes with a probability in proportion to 1 / (r + 1)^0.99: the distribution of YCSB's
/// ZipfianGenerator, by the algorithm it names: Gray and others, "Quickly Generating Billion-Record Synthetic Databases", SIGMOD 1994.
/// </summary>
/// <remarks>The number of ranks may grow, as YCSB lets it for the workload that reads the latest.</remarks>
internal sealed class Zipfian
{
    /// <summary>YCSB's default.</summary>
    private const double Skew = 0.99;

    private static readonly double Alpha = 1 / (1 - Skew);
    private static readonly double ZetaOfTwo = 1 + Math.Pow(0.5, Skew);

    private readonly RandomBits _random;
    private double _zeta;
    private double _eta;

    public Zipfian(long count, RandomBits random)
    {
        _random = random;
        GrowTo(count);
    }

    public long Count { get; private set; }

    public void GrowTo(long count)
    {
        for (long rank = Count; rank < count; rank++) _zeta += 1 / Math.Pow(rank + 1, Skew);
        Count = count;
        _eta = (1 - Math.Pow(2.0 / count, 1 - Skew)) / (1 - ZetaOfTwo / _zeta);
    }

    public long Next()
    {
        double drawn = _random.NextShare();
        double scaled = drawn * _zeta;
        if (scaled < 1) return 0;
        if (scaled < ZetaOfTwo) return Math.Min(1, Count - 1);
        return Math.Min(Count - 1, (long)(Count * Math.Pow(_eta * drawn - _eta + 1, Alpha)));
    }
}

/// <summary>SplitMix64: fast enough not to show in what is measured.</summary>
internal sealed class RandomBits(long seed)
{
    private ulong _state = (ulong)seed;

    public ulong Next()
    {
        ulong bits = _state += 0x9E3779B97F4A7C15;
        bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9;
        bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB;
        return bits ^ (bits >> 31);
    }

    /// <summary>From 0 to below 1.</summary>
    public double NextShare() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>From 0 to below the limit.</summary>
    public int NextBelow(int limit) => (int)((Next() >> 32) * (uint)limit >> 32);
}
