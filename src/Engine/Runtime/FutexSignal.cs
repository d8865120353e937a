using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Varve.Runtime;

/// <summary>
/// A signal on a <see cref="Futex"/>: one call to the kernel for a wait and one for what ends it, where a monitor takes several.
/// <see cref="Thread.Interrupt"/> does not see such a wait.
/// </summary>
internal sealed unsafe class FutexSignal : EngineSignal
{
    private const int Unset = 0;
    private const int IsSet = 1;

    /// <summary>Not set, and somebody may wait in the kernel.</summary>
    private const int Awaited = 2;

    /// <summary>A cache line of its own, which no collection moves.</summary>
    private readonly int[] _line = GC.AllocateArray<int>(32, pinned: true);

    private ref int State => ref _line[16];

    // SAFETY: the array is pinned, and lives as long as this object, which waits and sets keep alive.
    private int* Word => (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_line)) + 16;

    public override void Set()
    {
        if (Interlocked.Exchange(ref State, IsSet) == Awaited) Futex.WakeOne(Word);
        GC.KeepAlive(this);
    }

    public override void Wait()
    {
        SystemScheduler.Spin(ref State, IsSet);
        WaitUntil(long.MaxValue);
    }

    public override void WaitLong() => WaitUntil(long.MaxValue);

    public override bool Wait(TimeSpan timeout)
    {
        SystemScheduler.Spin(ref State, IsSet);
        if (timeout == Timeout.InfiniteTimeSpan) return WaitUntil(long.MaxValue);
        double ticks = Math.Ceiling(timeout.TotalSeconds * Stopwatch.Frequency);
        return WaitUntil(Stopwatch.GetTimestamp() + (long)Math.Min(ticks, long.MaxValue / 2));
    }

    private bool WaitUntil(long deadline)
    {
        int taken = Unset;
        while (Interlocked.CompareExchange(ref State, taken, IsSet) != IsSet)
        {
            // Others may wait as well: who was in the kernel leaves the word as if they did, so that the next set looks.
            taken = Awaited;
            if (Interlocked.CompareExchange(ref State, Awaited, Unset) == IsSet) continue;
            if (deadline != long.MaxValue && Stopwatch.GetTimestamp() >= deadline) return false;
            Futex.Wait(Word, Awaited, deadline);
        }

        GC.KeepAlive(this);
        return true;
    }
}
