namespace Varve.Tables;

/// <summary>When the entries of a table expire: what decides whether a compaction of it pays. All zero without expiring entries.</summary>
/// <param name="Count">Entries that expire.</param>
/// <param name="Smallest">The first expiry, milliseconds since 1970 UTC.</param>
/// <param name="Largest">The last one.</param>
/// <param name="OfHalf">
/// From then on more than half of all the table's entries have expired, estimated from a sample; 0 when that never comes.
/// </param>
internal readonly record struct ExpirySummary(long Count, ulong Smallest, ulong Largest, ulong OfHalf)
{
    /// <summary>False for what no table can say of itself.</summary>
    public bool IsSound(long entryCount)
    {
        if (Count == 0) return this == default;
        if (Count < 0 || Count > entryCount || Smallest > Largest) return false;
        return OfHalf == 0 || (OfHalf >= Smallest && OfHalf <= Largest);
    }
}

/// <summary>Gathers the summary while a table is written: counts exactly, and keeps every n-th expiry for the estimate.</summary>
internal sealed class ExpiryTally
{
    private const int SampleMax = 512;

    private readonly List<ulong> _sample = [];
    private long _stride = 1;
    private long _count;
    private ulong _smallest = ulong.MaxValue;
    private ulong _largest;

    public void Add(ulong expiry)
    {
        if (_count % _stride == 0) Keep(expiry);
        _count++;
        _smallest = Math.Min(_smallest, expiry);
        _largest = Math.Max(_largest, expiry);
    }

    public ExpirySummary Summarize(long entryCount)
    {
        if (_count == 0) return default;
        long half = entryCount / 2;
        ulong ofHalf = 0;
        if (_count > half)
        {
            _sample.Sort();
            ofHalf = _sample[(int)(half * _sample.Count / _count)];
        }

        return new ExpirySummary(_count, _smallest, _largest, ofHalf);
    }

    /// <summary>A full sample is halved, and from then on only every second of what was kept before comes in.</summary>
    private void Keep(ulong expiry)
    {
        if (_sample.Count == SampleMax)
        {
            for (int i = 0; i < SampleMax / 2; i++) _sample[i] = _sample[2 * i];
            _sample.RemoveRange(SampleMax / 2, SampleMax / 2);
            _stride *= 2;
            if (_count % _stride != 0) return;
        }

        _sample.Add(expiry);
    }
}
