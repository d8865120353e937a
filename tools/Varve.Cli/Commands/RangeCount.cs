using Varve.Cli.Output;

namespace Varve.Cli.Commands;

/// <summary>How many entries a part of a map has: counted where they are few, else estimated.</summary>
internal readonly record struct RangeCount(long Entries, bool IsExact)
{
    /// <summary>Counted within a tenth of a second or so.</summary>
    private const long CountedMax = 100_000;

    public static RangeCount Of(SortedMap map, KeyBounds range)
    {
        long entries = 0;
        foreach (ReadOnlySpan<byte> _ in map.Range(range.Start, range.End, limit: CountedMax + 1).Keys) entries++;
        if (entries <= CountedMax) return new RangeCount(entries, IsExact: true);
        return new RangeCount(Math.Max(entries, map.EstimateCount(range.Start, range.End)), IsExact: false);
    }

    public override string ToString() => (IsExact ? "" : "about ") + Figures.Count(Entries, "entry", "entries");
}

/// <summary>What <c>drop --json</c> and <c>delete-range --json</c> print: entries that were there, and whether they were counted.</summary>
internal sealed record RemovalResult(string Map, long Entries, bool IsExact);
