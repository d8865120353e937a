using Varve.Entries;
using Varve.Levels;
using Varve.Memory;
using Varve.Native;
using Varve.Reading;
using Varve.Runtime;

namespace Varve.Simulation;

/// <summary>
/// One thread writes, freezes and flushes memtables, and gives their memory to the next ones; others read through the current view. What a
/// pinned view shows stays alive and as it is.
/// </summary>
internal sealed class ViewLitmus : Litmus
{
    private const int Changes = 6;
    private const int Reads = 12;

    private readonly bool _pins;
    private readonly RegionPool _pool = new();
    private readonly ReadViews _views;
    private ulong _sequence;

    /// <param name="scheduler">Whose threads run it.</param>
    /// <param name="pins">The slip, when false: the view is read without a pin.</param>
    public ViewLitmus(Scheduler scheduler, bool pins)
        : base(scheduler)
    {
        _pins = pins;
        _pool.AddUser();
        LevelMap levels = LevelMap.CreateEmpty();
        MemTable active = MakeTable();
        _views = new ReadViews(active, [], levels, visibleSequence: 0);
        active.Release();
        levels.Release();
    }

    public override int ThreadCount => 3;

    public override void Run(int thread, Random random)
    {
        if (thread == 0)
        {
            for (int i = 0; i < Changes; i++) Change();
            return;
        }

        for (int i = 0; i < Reads; i++)
        {
            int stripe = 0;
            bool enters = random.Next(2) == 0;
            ReadView view = !_pins ? _views.Unpinned : enters ? _views.Enter(out stripe) : _views.Pin();
            Seam();
            bool isGivenUp = view.IsGivenUp || IsGivenUp(view.Levels);
            if (!isGivenUp && _pins) CheckContent(view);
            if (_pins && enters) view.Leave(stripe);
            else if (_pins) view.Release();
            Holds(!isGivenUp, "what the view shows was given up while it was read");
        }
    }

    public override void Check() => Holds(_views.Unpinned.Frozen.Length == 0, "a flushed memtable is still shown");

    public override void Dispose()
    {
        _views.Close();
        _pool.RemoveUser();
    }

    private MemTable MakeTable() => new(_pool, 16 << 10);

    /// <summary>One entry in each memtable, whose value is its sequence: memory that went to another table would show.</summary>
    private void Change()
    {
        _views.Unpinned.Active.Insert("key"u8, Trailer.Pack(++_sequence, EntryKind.Value), BitConverter.GetBytes(_sequence));
        _views.Publish(_sequence);
        Seam();
        MemTable fresh = MakeTable();
        _views.Rotate(fresh);
        fresh.Release();
        Seam();
        LevelMap levels = LevelMap.CreateEmpty();
        _views.InstallLevels(levels, _views.Unpinned.Frozen[^1]);
        levels.Release();
    }

    private static bool IsGivenUp(LevelMap levels)
    {
        if (!levels.TryAddReference()) return true;
        levels.Release();
        return false;
    }

    private static void CheckContent(ReadView view)
    {
        ulong newer = ulong.MaxValue;
        foreach (MemTable table in (ReadOnlySpan<MemTable>)[view.Active, .. view.Frozen])
        {
            if (!table.TryGet("key"u8, Trailer.SequenceMax, out MemEntry entry)) continue;
            ulong sequence = Trailer.Sequence(entry.Trailer);
            Holds(BitConverter.ToUInt64(entry.ValueSpan) == sequence, $"the entry of {sequence} holds other bytes");
            Holds(sequence < newer, $"the entry of {sequence} stands behind that of {newer}");
            newer = sequence;
        }
    }
}
