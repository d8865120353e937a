using Varve.Entries;
using Varve.Levels;

namespace Varve.Compaction;

/// <summary>
/// The range tombstones of one flush or compaction: which entries they delete on the way, and which of them go into which output.
/// Asked key by key, in order.
/// </summary>
internal sealed class RangeTransfer
{
    /// <summary>Bytes of tombstones from which an output is cut.</summary>
    private const long OutputBytesMax = 1 << 20;

    private readonly RangeTombstones _covering;
    private readonly RangeTombstones _kept;
    private int _next;
    private int _nextKept;
    private long _passedBytes;
    private byte[]? _outputStart;

    /// <param name="tombstones">Those of all inputs.</param>
    /// <param name="snapshots">As <see cref="DropRule"/> wants them.</param>
    /// <param name="levels">Where a deeper level may hold what a tombstone hides; null: take it that one does.</param>
    /// <param name="outputLevel">The level of the new tables.</param>
    public RangeTransfer(List<RangeTombstone> tombstones, ulong[] snapshots, LevelMap? levels, int outputLevel)
    {
        _covering = RangeTombstones.Build(tombstones, snapshots);
        _kept = levels is null ? _covering : WithoutNeedless(_covering, snapshots[0], levels, outputLevel);
    }

    public bool IsEmpty => _covering.IsEmpty;

    /// <summary>The sequences of the tombstones that span a key, descending. Keys must ascend.</summary>
    public ReadOnlySpan<ulong> Covering(ReadOnlySpan<byte> key)
    {
        ReadOnlySpan<RangeFragment> fragments = _covering.Fragments;
        while (_next < fragments.Length && fragments[_next].End.AsSpan().SequenceCompareTo(key) <= 0) _next++;
        bool isCovered = _next < fragments.Length && fragments[_next].Start.AsSpan().SequenceCompareTo(key) <= 0;
        return isCovered ? fragments[_next].Sequences : default;
    }

    /// <summary>
    /// Cuts outputs where tombstones that end at or before the key would be too many for one table. The key is the next one; null: none is.
    /// </summary>
    public void Pass(ReadOnlySpan<byte> key, bool isEnd, OutputTables output)
    {
        ReadOnlySpan<RangeFragment> fragments = _kept.Fragments;
        while (_nextKept < fragments.Length && (isEnd || fragments[_nextKept].End.AsSpan().SequenceCompareTo(key) <= 0))
        {
            RangeFragment passed = fragments[_nextKept++];
            _passedBytes += passed.Start.Length + passed.End.Length + (passed.Sequences.Length * sizeof(ulong));
            if (_passedBytes >= OutputBytesMax) Cut(passed.End, output);
        }
    }

    /// <summary>Ends the output at hand before the key: a tombstone that spans the key goes into both outputs.</summary>
    public void Cut(ReadOnlySpan<byte> key, OutputTables output)
    {
        if (_kept.IsEmpty)
        {
            output.Cut(RangeTombstones.Empty);
            return;
        }

        byte[] border = key.ToArray();
        output.Cut(_kept.Clip(_outputStart, border));
        _outputStart = border;
        _passedBytes = 0;
    }

    /// <summary>Ends the last output.</summary>
    public void End(OutputTables output)
    {
        Pass([], isEnd: true, output);
        output.Cut(_kept.Clip(_outputStart, null));
    }

    /// <summary>Leaves out what everybody sees and what deletes nothing any more: nothing deeper lies in its range.</summary>
    private static RangeTombstones WithoutNeedless(RangeTombstones ranges, ulong oldestSnapshot, LevelMap levels, int outputLevel)
    {
        var kept = new List<RangeTombstone>();
        foreach (RangeFragment fragment in ranges.Fragments)
        {
            bool isNeedless = fragment.Sequences[^1] <= oldestSnapshot
                && !levels.OverlapsDeeper(outputLevel, new KeyRange(fragment.Start, fragment.End, IsLargestExclusive: true));
            foreach (ulong sequence in fragment.Sequences)
            {
                if (!isNeedless || sequence > oldestSnapshot) kept.Add(new RangeTombstone(fragment.Start, fragment.End, sequence));
            }
        }

        return RangeTombstones.Build(kept, default);
    }
}
