using Varve.Levels;

namespace Varve.Compaction;

/// <summary>
/// How large each level should be. The largest level keeps its size; each level above it should have a tenth (the level ratio) of the
/// one below. The base level, into which level 0 is compacted, is the first whose target is worth having, or the first that has
/// tables; the levels between level 0 and it are empty. Pure.
/// </summary>
internal sealed class LevelTargets
{
    private readonly long[] _targets = new long[LevelMap.LevelCount];
    private readonly long[] _bytes = new long[LevelMap.LevelCount];
    private readonly CompactionOptions _options;

    private LevelTargets(ReadOnlySpan<long> levelBytes, CompactionOptions options)
    {
        _options = options;
        levelBytes.CopyTo(_bytes);
        long largest = 0;
        int firstWithTables = LevelMap.BottomLevel;
        for (int level = LevelMap.BottomLevel; level > 0; level--)
        {
            largest = Math.Max(largest, levelBytes[level]);
            if (levelBytes[level] > 0) firstWithTables = level;
        }

        // A level that once was worth having keeps the smallest target when the database shrinks. Draining it instead would rewrite
        // the level below, and a size near the border would do that again and again.
        BaseLevel = LevelMap.BottomLevel;
        _targets[BaseLevel] = largest;
        for (long target = largest / options.LevelRatio; BaseLevel > 1; target /= options.LevelRatio)
        {
            if (target < options.BaseBytesMin && BaseLevel <= firstWithTables) break;
            BaseLevel--;
            _targets[BaseLevel] = Math.Max(target, options.BaseBytesMin);
        }
    }

    /// <summary>The level that level 0 is compacted into.</summary>
    public int BaseLevel { get; }

    public static LevelTargets Compute(LevelMap map, CompactionOptions options)
    {
        Span<long> bytes = stackalloc long[LevelMap.LevelCount];
        for (int level = 0; level < bytes.Length; level++) bytes[level] = map.LevelBytes(level);
        return Compute(bytes, options);
    }

    /// <param name="levelBytes">One length for each level.</param>
    /// <param name="options">The ratio and the smallest target.</param>
    public static LevelTargets Compute(ReadOnlySpan<long> levelBytes, CompactionOptions options) => new(levelBytes, options);

    /// <summary>What the level should hold; 0 for level 0 and the levels above the base.</summary>
    public long TargetBytes(int level) => _targets[level];

    /// <summary>How much of the level's target its bytes are; from 1 on it wants compaction. The bottom never does.</summary>
    public double Score(int level, long bytes) =>
        level >= BaseLevel && level < LevelMap.BottomLevel ? (double)bytes / _targets[level] : 0;

    /// <summary>The same for level 0, which is counted, since each of its tables is one more for a read to ask.</summary>
    public double LevelZeroScore(int tableCount) => (double)tableCount / _options.LevelZeroTrigger;

    /// <summary>
    /// An estimate of the bytes that compaction must still write until every level is within its target: the measure by which writes
    /// are slowed. It grows without steps: 0 up to the trigger of level 0, then by the share of level 0 that is over it.
    /// </summary>
    public long EstimateDebtBytes(int levelZeroTableCount)
    {
        double debt = 0;
        double carried = 0;
        if (levelZeroTableCount > _options.LevelZeroTrigger)
        {
            double excess = (double)(levelZeroTableCount - _options.LevelZeroTrigger) / levelZeroTableCount;
            carried = _bytes[0] * excess;
            debt = carried + _bytes[BaseLevel] * excess;
        }

        for (int level = BaseLevel; level < LevelMap.BottomLevel; level++)
        {
            double bytes = _bytes[level] + carried;
            carried = Math.Max(0, bytes - _targets[level]);
            if (carried > 0) debt += carried * (1 + _bytes[level + 1] / bytes);
        }

        return (long)debt;
    }
}
