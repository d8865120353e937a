using Varve.Runtime;

namespace Varve.Simulation;

/// <summary>
/// Threads commit at different levels and look at once: what is acknowledged is visible, what is acknowledged as synced is durable, and no
/// sequence is given twice or left out. One looks on: what is visible can be read.
/// </summary>
internal sealed class CommitLitmus(Scheduler scheduler, Func<CommitLitmus, CommitLitmus.ISubject> make) : Litmus(scheduler)
{
    private const int Writers = 3;
    private const int Writes = 6;
    private const int Looks = 8;
    private const int RoundsOfOne = 20;

    private readonly ulong[,] _sequences = new ulong[Writers, Writes];
    private ISubject? _subject;
    private int _round;
    private ulong _visibleBefore;

    public interface ISubject : IDisposable
    {
        ulong Visible { get; }

        ulong Durable { get; }

        /// <summary>Commits one entry, and returns its sequence.</summary>
        ulong Commit(int key, int value, bool isSynced);

        /// <summary>The value of a key; 0: none.</summary>
        int Read(int key);
    }

    public override int ThreadCount => Writers + 1;

    public Scheduler Threads => Scheduler;

    /// <summary>A subject serves some rounds, so that the real one flushes and compacts as well.</summary>
    public override void Prepare()
    {
        if (_round++ % RoundsOfOne == 0)
        {
            _subject?.Dispose();
            _subject = make(this);
        }

        _visibleBefore = _subject!.Visible;

        for (int writer = 0; writer < Writers; writer++)
        {
            for (int i = 0; i < Writes; i++) Volatile.Write(ref _sequences[writer, i], 0);
        }
    }

    public override void Run(int thread, Random random)
    {
        if (thread < Writers) Write(thread, random);
        else Look(random);
    }

    public override void Check()
    {
        ulong[] all = [.. _sequences.Cast<ulong>().Order()];
        for (int i = 1; i < all.Length; i++) Holds(all[i] == all[i - 1] + 1, $"sequence {all[i]} was given after {all[i - 1]}");
    }

    public override void Dispose() => _subject?.Dispose();

    private void Write(int writer, Random random)
    {
        ulong before = 0;
        for (int i = 0; i < Writes; i++)
        {
            bool isSynced = random.Next(2) == 0;
            ulong sequence = _subject!.Commit(KeyOf(writer, i), _round, isSynced);
            ulong visible = _subject.Visible;
            Holds(visible >= sequence, $"write {sequence} is acknowledged, visible is {visible}");
            Holds(_subject.Read(KeyOf(writer, i)) == _round, $"write {sequence} is acknowledged, but not read");
            ulong durable = _subject.Durable;
            Holds(!isSynced || durable >= sequence, $"synced write {sequence} is acknowledged, durable is {durable}");
            Holds(sequence > before, $"write {sequence} follows {before} of the same thread");
            before = sequence;
            Volatile.Write(ref _sequences[writer, i], sequence);
            Seam();
        }
    }

    private void Look(Random random)
    {
        ulong visible = 0;
        ulong durable = 0;
        for (int i = 0; i < Looks; i++)
        {
            (int writer, int write) = (random.Next(Writers), random.Next(Writes));
            ulong acknowledged = Volatile.Read(ref _sequences[writer, write]);
            Seam();
            (ulong visibleNow, ulong durableNow) = (_subject!.Visible, _subject.Durable);
            Holds(visibleNow >= visible && durableNow >= durable, "what is visible or durable goes back");
            Holds(visibleNow >= acknowledged, $"write {acknowledged} was acknowledged, visible is {visibleNow}");
            bool isRead = acknowledged == 0 || _subject.Read(KeyOf(writer, write)) == _round;
            Holds(isRead, $"write {acknowledged} was acknowledged, but is not read");
            Seam();
            int read = CountRead();
            ulong published = visibleNow - _visibleBefore;
            Holds((ulong)read >= published, $"{published} writes of the round were visible, {read} are read");
            (visible, durable) = (visibleNow, durableNow);
        }
    }

    private int CountRead()
    {
        int count = 0;
        for (int key = 0; key < Writers * Writes; key++)
        {
            if (_subject!.Read(key) == _round) count++;
        }

        return count;
    }

    private static int KeyOf(int writer, int write) => (writer * Writes) + write;
}
