using Varve.Runtime;

namespace Varve.Native;

/// <summary>
/// A thread that touches memory of regions shortly before their renters come to it: the system takes 0.2 to 5 ms for 2 MiB that the
/// process has not touched before, and no read or write should wait for that. Safe for concurrent use.
/// </summary>
/// <remarks>The thread begins with the first call, and ends when nothing was wanted for a while.</remarks>
internal sealed class MemoryToucher(Scheduler scheduler)
{
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(10);

    private readonly Lock _guard = new();
    private readonly Queue<MemoryRegion> _queue = new();
    private readonly EngineSignal _wanted = scheduler.CreateSignal("memory wanted");
    private bool _isRunning;

    /// <summary>The region has said how far it wants to be touched.</summary>
    public void Want(MemoryRegion region)
    {
        bool starts;
        lock (_guard)
        {
            if (!_queue.Contains(region)) _queue.Enqueue(region);
            starts = !_isRunning;
            _isRunning = true;
        }

        if (starts) scheduler.StartThread("varve memory", TouchWhileWanted);
        _wanted.Set();
    }

    private void TouchWhileWanted()
    {
        while (true)
        {
            MemoryRegion? region;
            lock (_guard) _queue.TryDequeue(out region);
            if (region is not null)
            {
                if (region.TouchNext()) Want(region);
                continue;
            }

            if (_wanted.Wait(IdleTime)) continue;
            lock (_guard)
            {
                if (_queue.Count > 0) continue;
                _isRunning = false;
                return;
            }
        }
    }
}
