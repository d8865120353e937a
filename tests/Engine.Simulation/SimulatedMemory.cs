using Varve.Native;

namespace Varve.Simulation;

/// <summary>
/// The native memory of one run on a <see cref="DeterministicScheduler"/>: counts every request, refuses by a plan, and knows what was
/// not given back.
/// </summary>
internal sealed class SimulatedMemory
{
    private readonly HashSet<nint> _held = [];

    static SimulatedMemory() => NativeBytes.Watch = new WatchOfEachRun();

    /// <summary>Asked with every request, counted from 1; what it returns is thrown.</summary>
    public Func<long, Exception?>? Refuses { get; set; }

    /// <summary>Requests so far, refused ones included.</summary>
    public long RequestCount { get; private set; }

    /// <summary>Pieces taken and not given back.</summary>
    public int HeldCount
    {
        get
        {
            lock (_held) return _held.Count;
        }
    }

    private void Taking()
    {
        RequestCount++;
        if (Refuses?.Invoke(RequestCount) is { } refusal) throw refusal;
    }

    /// <summary>Runs go on side by side, each on threads of its own.</summary>
    private sealed class WatchOfEachRun : INativeMemoryWatch
    {
        private static SimulatedMemory? OfThisThread => DeterministicScheduler.OfThisThread?.Memory;

        public void Taking(long bytes) => OfThisThread?.Taking();

        public void Taken(nint address)
        {
            if (OfThisThread is not { } memory) return;
            lock (memory._held) memory._held.Add(address);
        }

        public void Freed(nint address)
        {
            if (OfThisThread is not { } memory) return;
            lock (memory._held) memory._held.Remove(address);
        }
    }
}
