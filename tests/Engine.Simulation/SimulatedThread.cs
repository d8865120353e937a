using Varve.Runtime;

namespace Varve.Simulation;

/// <summary>A thread of a <see cref="DeterministicScheduler"/>. Only the thread that runs touches any of this.</summary>
internal sealed class SimulatedThread(DeterministicScheduler scheduler, int id, string name, Baton baton) : EngineThread, IWaitable
{
    /// <summary>The deadline of a wait without one.</summary>
    public const long Never = long.MaxValue;

    public int Id => id;

    public string Name => name;

    public string Description => $"the end of #{id} {name}";

    public DeterministicScheduler Scheduler => scheduler;

    /// <summary>That of the operating-system thread that it runs on.</summary>
    public Baton Baton => baton;

    /// <summary>The lock, signal or thread that this one waits for; null while it can run.</summary>
    public IWaitable? WaitsFor { get; set; }

    /// <summary>When a timed wait ends, on the scheduler's clock.</summary>
    public long Deadline { get; set; } = Never;

    public bool HasEnded { get; set; }

    /// <summary>Why every wait of this thread throws from now on; null in normal life.</summary>
    public string? UnwindReason { get; set; }

    /// <summary>Waits that threw because the thread is to unwind.</summary>
    public int UnwindCount { get; set; }

    public override void Join() => scheduler.Join(this);

    public override string ToString()
    {
        if (HasEnded) return $"#{id} {name}: ended";
        if (WaitsFor is null) return $"#{id} {name}: can run";
        string until = Deadline == Never ? "" : $" until {TimeSpan.FromTicks(Deadline)}";
        return $"#{id} {name}: waits for {WaitsFor.Description}{until}";
    }
}

/// <summary>Something a simulated thread waits for.</summary>
internal interface IWaitable
{
    string Description { get; }
}

/// <summary>
/// A simulated history cannot go on: the waits of its threads end with this, and <see cref="DeterministicScheduler.Run"/> throws
/// it when nothing else failed first.
/// </summary>
internal class SimulationException(string message) : Exception(message);

/// <summary>Every thread waits for another one. The message shows them all.</summary>
internal sealed class DeadlockException(string message) : SimulationException(message);
