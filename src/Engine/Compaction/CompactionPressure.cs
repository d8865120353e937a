using Varve.Levels;
using Varve.Tables;

namespace Varve.Compaction;

/// <summary>Tells the pace of writes how far compaction is behind, and what it manages. Safe for concurrent use.</summary>
internal sealed class CompactionPressure(UpkeepContext context)
{
    /// <summary>
    /// Writes begin to slow at this many tables in level 0 over its trigger, and stop at <see cref="LevelZeroExcessMax"/>.
    /// </summary>
    private const int LevelZeroExcessFree = 4;

    private const int LevelZeroExcessMax = 36;

    /// <summary>Writes stop when compaction is behind by this many memtables.</summary>
    private const int DebtMemtablesMax = 64;

    private double _absorbedBytesPerSecond;

    /// <summary>True when compaction is as far behind as it may be.</summary>
    public bool IsGreatest => context.Pacer.Pressure >= 1;

    /// <summary>Says how far it is behind now, as a number from 0 to 1.</summary>
    public void Update()
    {
        LevelMap map = context.Levels.Pin();
        try
        {
            int levelZeroCount = map.Tables(0).Length;
            long debtBytes = LevelTargets.Compute(map, context.Options).EstimateDebtBytes(levelZeroCount);
            double byDebt = (double)debtBytes / (DebtMemtablesMax * context.Options.MemtableBytes);
            int excess = levelZeroCount - context.Options.LevelZeroTrigger - LevelZeroExcessFree;
            double byCount = (double)excess / (LevelZeroExcessMax - LevelZeroExcessFree);
            context.Pacer.SetPressure(Math.Max(byDebt, byCount), Volatile.Read(ref _absorbedBytesPerSecond));
        }
        finally
        {
            map.Release();
        }
    }

    /// <summary>What leaves level 0 in a second is what writers may bring in the long run.</summary>
    public void Measure(CompactionPick pick, TimeSpan elapsed)
    {
        if (pick.InputLevel != 0) return;
        long bytes = 0;
        foreach (Table table in pick.Inputs) bytes += table.Info.FileBytes;
        double rate = bytes / Math.Max(elapsed.TotalSeconds, 0.001);
        double before = Volatile.Read(ref _absorbedBytesPerSecond);
        Volatile.Write(ref _absorbedBytesPerSecond, before == 0 ? rate : 0.7 * before + 0.3 * rate);
    }
}
