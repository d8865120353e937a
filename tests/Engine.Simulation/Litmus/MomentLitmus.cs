using System.Runtime.CompilerServices;
using Varve.Levels;
using Varve.Memory;
using Varve.Native;
using Varve.Reading;
using Varve.Runtime;

namespace Varve.Simulation;

/// <summary>
/// Gets at this moment beside compaction, which drops from every new view what nobody can read at when it begins. A get loads its view
/// first and the sequence second, so the view has what the sequence needs.
/// </summary>
internal sealed class MomentLitmus : Litmus
{
    private const int Changes = 24;
    private const int Reads = 40;

    private readonly bool _loadsViewFirst;
    private readonly ReadViews _views;

    /// <summary>The lowest sequence that can be read in the view of these tables.</summary>
    private readonly ConditionalWeakTable<LevelMap, object> _lowest = [];

    /// <param name="scheduler">Whose threads run it.</param>
    /// <param name="loadsViewFirst">The slip, when false: the sequence is loaded first.</param>
    public MomentLitmus(Scheduler scheduler, bool loadsViewFirst)
        : base(scheduler)
    {
        _loadsViewFirst = loadsViewFirst;
        LevelMap levels = LevelMap.CreateEmpty();
        _lowest.Add(levels, 0UL);
        var active = new MemTable(RegionPool.Shared, 16 << 10);
        _views = new ReadViews(active, [], levels, visibleSequence: 0);
        active.Release();
        levels.Release();
    }

    public override int ThreadCount => 3;

    public override void Run(int thread, Random random)
    {
        if (thread == 0)
        {
            for (int i = 0; i < Changes; i++) PublishAndCompact();
            return;
        }

        for (int i = 0; i < Reads; i++) Read();
    }

    public override void Dispose() => _views.Close();

    private void PublishAndCompact()
    {
        _views.Publish(_views.VisibleSequence + 1);
        Seam();
        LevelMap levels = LevelMap.CreateEmpty();
        _lowest.Add(levels, _views.VisibleSequence);
        _views.InstallLevels(levels, flushed: null);
        levels.Release();
        Seam();
    }

    private void Read()
    {
        ulong before = _views.VisibleSequence;
        if (!_loadsViewFirst) Seam();
        ReadView view = _views.Pin();
        Seam();
        ulong sequence = _loadsViewFirst ? _views.VisibleSequence : before;
        _lowest.TryGetValue(view.Levels, out object? lowest);
        view.Release();
        Holds((ulong)lowest! <= sequence, $"the view of a get at {sequence} has only what reads from {lowest} on need");
    }
}
