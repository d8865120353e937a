using Varve.Tables;

namespace Varve.Compaction;

/// <summary>Where a compaction is cut into parts of about equal size that can run side by side.</summary>
internal static class PartBorders
{
    /// <summary>Keys looked at for each part: what a part may be larger than the others is about one part in so many.</summary>
    private const int SamplesPerPart = 16;

    /// <summary>
    /// The parts of a compaction, in order; all keys in one where it is too small to cut, or nobody could help. A user key's versions are
    /// in one part.
    /// </summary>
    /// <param name="pick">Its tables are kept alive by the caller. Reads their indexes.</param>
    /// <param name="options">How small a part may be, and the memory of all that run.</param>
    /// <param name="threads">How many parts may run at a time.</param>
    /// <exception cref="CorruptDataException">An index is damaged.</exception>
    public static KeySlice[] Choose(CompactionPick pick, CompactionOptions options, int threads)
    {
        int count = CountFor(pick, options, threads);
        if (count <= 1) return [KeySlice.All];
        var samples = new List<KeySample>();
        long bytesBetween = Math.Max(1, pick.InputBytes / (count * SamplesPerPart));
        foreach (Table table in pick.Inputs) table.SampleKeys(bytesBetween, samples);
        foreach (Table table in pick.Overlapped) table.SampleKeys(bytesBetween, samples);
        samples.Sort(static (a, b) => a.Key.AsSpan().SequenceCompareTo(b.Key));
        return Cut(samples, count);
    }

    /// <summary>As many as threads, or twice, three times as many, so that one that is slow keeps nobody waiting for long.</summary>
    private static int CountFor(CompactionPick pick, CompactionOptions options, int threads)
    {
        int sources = (pick.InputLevel == 0 ? pick.Inputs.Count : 1) + (pick.Overlapped.Count > 0 ? 1 : 0);
        if (threads <= 1 || threads * CompactionOptions.PartMemoryBytes(sources) > options.MemoryBytes) return 1;
        long wanted = (pick.InputBytes + options.TableBytes - 1) / options.TableBytes;
        long rounded = (wanted + threads - 1) / threads * threads;
        return (int)Math.Min(rounded, pick.InputBytes / options.PartBytesMin);
    }

    private static KeySlice[] Cut(List<KeySample> samples, int count)
    {
        long bytes = 0;
        foreach (KeySample sample in samples) bytes += sample.Bytes;
        var slices = new List<KeySlice>(count);
        byte[]? start = null;
        long passed = 0;
        foreach (KeySample sample in samples)
        {
            passed += sample.Bytes;
            bool isFull = passed * count >= bytes * (slices.Count + 1);
            if (!isFull || slices.Count == count - 1 || (start is not null && sample.Key.AsSpan().SequenceEqual(start))) continue;
            slices.Add(new KeySlice(start, sample.Key));
            start = sample.Key;
        }

        slices.Add(new KeySlice(start, null));
        return [.. slices];
    }
}
