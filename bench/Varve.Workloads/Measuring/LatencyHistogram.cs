using System.Numerics;

namespace Varve.Workloads.Measuring;

/// <summary>
/// Durations counted in buckets whose width grows with the duration: 32 to each power of two, so that a percentile is at most 3 % too high.
/// </summary>
internal sealed class LatencyHistogram
{
    private const int StepBits = 5;
    private const int Steps = 1 << StepBits;

    private readonly long[] _counts = new long[(64 - StepBits + 1) * Steps];
    private long _longest;

    public long Count { get; private set; }

    /// <param name="duration">In any unit, the same for all; not negative.</param>
    public void Record(long duration)
    {
        _counts[BucketOf(duration)]++;
        Count++;
        if (duration > _longest) _longest = duration;
    }

    public void Add(LatencyHistogram other)
    {
        for (int bucket = 0; bucket < _counts.Length; bucket++) _counts[bucket] += other._counts[bucket];
        Count += other.Count;
        _longest = Math.Max(_longest, other._longest);
    }

    /// <summary>
    /// A duration that this share of all does not exceed: the upper end of its bucket, at most the longest that was recorded.
    /// </summary>
    public long Percentile(double share)
    {
        long wanted = (long)Math.Ceiling(share * Count);
        long seen = 0;
        for (int bucket = 0; bucket < _counts.Length; bucket++)
        {
            seen += _counts[bucket];
            if (seen >= wanted && seen > 0) return Math.Min(_longest, LastOf(bucket));
        }

        return _longest;
    }

    private static int BucketOf(long duration)
    {
        if (duration < Steps) return (int)duration;
        int shift = BitOperations.Log2((ulong)duration) - StepBits;
        return (shift + 1) * Steps + (int)(duration >> shift) - Steps;
    }

    private static long LastOf(int bucket)
    {
        if (bucket < Steps) return bucket;
        int shift = bucket / Steps - 1;
        return ((long)(bucket % Steps + Steps + 1) << shift) - 1;
    }
}
