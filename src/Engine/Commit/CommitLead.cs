namespace Varve.Commit;

/// <summary>
/// Who leads: nobody, somebody who came alone, or somebody who must look at the queue when he ends. A writer that meets nobody takes the
/// lead and leaves it again with one atomic step each, without the queue's lock.
/// </summary>
internal struct CommitLead
{
    private const int Free = 0;
    private const int Taken = 1;

    /// <summary>Taken, and something was put behind the queue's lock for whoever leaves.</summary>
    private const int Watched = 2;

    private int _state;

    public bool IsFree => Volatile.Read(ref _state) == Free;

    /// <summary>Takes the lead where nobody has it; no lock is needed.</summary>
    public bool TryTake() => Interlocked.CompareExchange(ref _state, Taken, Free) == Free;

    /// <summary>
    /// Takes the lead where nobody has it; else whoever has it will come for the queue's lock before he leaves. Under that lock.
    /// </summary>
    public bool TakeOrWatch() => Interlocked.Exchange(ref _state, Watched) == Free;

    /// <summary>Leaves the lead where nothing was put behind the queue's lock meanwhile; no lock is needed.</summary>
    public bool TryLeave() => Interlocked.CompareExchange(ref _state, Free, Taken) == Taken;

    /// <summary>Leaves the lead. Under the queue's lock, by whoever has it.</summary>
    public void Leave() => Interlocked.Exchange(ref _state, Free);
}
