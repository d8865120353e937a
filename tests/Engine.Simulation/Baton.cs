using System.Runtime.InteropServices;

namespace Varve.Simulation;

/// <summary>
/// Who holds it, runs: hands the right to run from one operating-system thread to another. Every thread has one for good. On Linux it is
/// a futex, which takes half the time of a monitor, and hand-overs are most of what a simulated history costs.
/// </summary>
internal sealed unsafe partial class Baton
{
    private const int Free = 0;
    private const int Given = 1;
    private const int Awaited = -1;
    private const int WaitPrivate = 128;
    private const int WakePrivate = 129;
    private const int TimedOut = 110;

    private static readonly nint FutexNumber = !OperatingSystem.IsLinux() ? 0 : RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 202,
        Architecture.Arm64 => 98,
        _ => 0,
    };

    [ThreadStatic]
    private static Baton? _ofThread;

    // Pinned: the system knows it by its address.
    private readonly int[] _cell = GC.AllocateArray<int>(1, pinned: true);
    private readonly int* _state;

    private Baton() => _state = (int*)Marshal.UnsafeAddrOfPinnedArrayElement(_cell, 0);

    /// <summary>The calling thread's.</summary>
    public static Baton OfThread => _ofThread ??= new Baton();

    public void Give()
    {
        if (FutexNumber == 0)
        {
            lock (_cell)
            {
                *_state = Given;
                Monitor.Pulse(_cell);
            }

            return;
        }

        // SAFETY: the cell is pinned and lives as long as this object.
        if (Interlocked.Exchange(ref *_state, Given) == Awaited) SystemCall(FutexNumber, _state, WakePrivate, 1, null);
        GC.KeepAlive(this);
    }

    /// <summary>Waits for it, as its own thread, at most so long in real time; true when it was given.</summary>
    public bool Take(TimeSpan patience) => FutexNumber == 0 ? TakeByMonitor(patience) : TakeByFutex(patience);

    private bool TakeByFutex(TimeSpan patience)
    {
        var timeout = new TimeSpecification((long)patience.TotalSeconds, patience.Ticks % TimeSpan.TicksPerSecond * 100);
        while (Interlocked.CompareExchange(ref *_state, Awaited, Free) != Given)
        {
            // SAFETY: the cell is pinned and lives as long as this object; the timeout outlives the call.
            bool isInfinite = patience == Timeout.InfiniteTimeSpan;
            nint result = SystemCall(FutexNumber, _state, WaitPrivate, Awaited, isInfinite ? null : &timeout);
            if (result != 0 && Marshal.GetLastPInvokeError() == TimedOut
                && Interlocked.CompareExchange(ref *_state, Free, Awaited) == Awaited)
            {
                return false;
            }
        }

        Volatile.Write(ref *_state, Free);
        GC.KeepAlive(this);
        return true;
    }

    private bool TakeByMonitor(TimeSpan patience)
    {
        lock (_cell)
        {
            if (*_state != Given) Monitor.Wait(_cell, patience);
            bool isTaken = *_state == Given;
            *_state = Free;
            return isTaken;
        }
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, int* address, nint operation, nint value, TimeSpecification* timeout);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct TimeSpecification(long Seconds, long Nanoseconds);
}
