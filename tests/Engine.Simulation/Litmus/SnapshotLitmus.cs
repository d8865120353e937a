using Varve.Levels;
using Varve.Memory;
using Varve.Native;
using Varve.Reading;
using Varve.Runtime;

namespace Varve.Simulation;

/// <summary>
/// One thread overwrites a key again and again, one compacts: it drops every version that nobody can read at. Others take snapshots, of
/// which none may lose its version.
/// </summary>
internal sealed class SnapshotLitmus : Litmus
{
    private const int Versions = 64;
    private const int Takes = 24;

    private readonly bool _registersUnderLock;
    private readonly ReadViews _views;
    private readonly SnapshotList _snapshots;
    private readonly Lock _copyGuard = new();
    private readonly List<ulong> _registered = [];
    private readonly bool[] _isDropped = new bool[Versions + 1];
    private ulong _base;

    /// <param name="scheduler">Whose threads run it.</param>
    /// <param name="registersUnderLock">The slip, when false: the sequence is taken first and registered then.</param>
    public SnapshotLitmus(Scheduler scheduler, bool registersUnderLock)
        : base(scheduler)
    {
        _registersUnderLock = registersUnderLock;
        LevelMap levels = LevelMap.CreateEmpty();
        var active = new MemTable(RegionPool.Shared, 16 << 10);
        _views = new ReadViews(active, [], levels, visibleSequence: 0);
        active.Release();
        levels.Release();
        _snapshots = new SnapshotList(_views, new StoreClock(scheduler.Clock, mark: 0));
    }

    public override int ThreadCount => 4;

    public override void Prepare()
    {
        _base = _views.VisibleSequence;
        Array.Clear(_isDropped);
    }

    public override void Run(int thread, Random random)
    {
        switch (thread)
        {
            case 0:
                for (int i = 0; i < Versions; i++)
                {
                    _views.Publish(_views.VisibleSequence + 1);
                    Seam();
                }

                break;
            case 1:
                for (int i = 0; i < Takes; i++) Compact();
                break;
            default:
                for (int i = 0; i < Takes; i++) TakeAndRead();
                break;
        }
    }

    public override void Check() => Holds(_snapshots.Count == 0, "a returned snapshot is still registered");

    public override void Dispose() => _views.Close();

    private void Compact()
    {
        ulong[] readable = _registersUnderLock ? _snapshots.GetReadableSequences() : CopyReadable();
        Seam();
        for (ulong sequence = _base + 1; sequence < readable[^1]; sequence++)
        {
            if (Array.BinarySearch(readable, sequence) < 0) Volatile.Write(ref _isDropped[sequence - _base], true);
        }
    }

    private void TakeAndRead()
    {
        SnapshotList.Registration? registration = _registersUnderLock ? _snapshots.Take() : null;
        ulong sequence = registration?.Sequence ?? CopyTake();
        Seam();
        bool isDropped = sequence > _base && Volatile.Read(ref _isDropped[sequence - _base]);
        if (registration is not null) _snapshots.Return(registration);
        else CopyReturn(sequence);
        Holds(!isDropped, $"the version of snapshot {sequence} was dropped");
    }

    private ulong CopyTake()
    {
        ulong sequence = _views.VisibleSequence;
        Seam();
        lock (_copyGuard) _registered.Add(sequence);
        return sequence;
    }

    private void CopyReturn(ulong sequence)
    {
        lock (_copyGuard) _registered.Remove(sequence);
    }

    private ulong[] CopyReadable()
    {
        lock (_copyGuard) return [.. _registered.Append(_views.VisibleSequence).Distinct().Order()];
    }
}
