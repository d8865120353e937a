using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Varve.Runtime;

/// <summary>Linux's futex(2): threads wait in the kernel for a word of memory to change, and cost it nothing until they do.</summary>
internal static unsafe partial class Futex
{
    private const int WaitPrivate = 0x80;
    private const int WakePrivate = 0x81;
    private const long NanosecondsPerSecond = 1_000_000_000;

    private static readonly long Number = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 98 : 202;

    public static bool IsSupported { get; } =
        OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.Arm64;

    /// <summary>
    /// Waits while the word has the value, at most until the timestamp of <see cref="Stopwatch"/>. May return for no reason: look again.
    /// </summary>
    public static void Wait(int* word, int value, long deadline)
    {
        TimeSpec left = default;
        if (deadline != long.MaxValue)
        {
            long ticks = Math.Max(0, deadline - Stopwatch.GetTimestamp());
            (left.Seconds, long rest) = Math.DivRem(ticks, Stopwatch.Frequency);
            left.Nanoseconds = (long)(rest * ((double)NanosecondsPerSecond / Stopwatch.Frequency));
        }

        _ = Call(Number, word, WaitPrivate, value, deadline == long.MaxValue ? null : &left, null, 0);
    }

    /// <summary>Wakes one thread that waits on the word.</summary>
    public static void WakeOne(int* word) => _ = Call(Number, word, WakePrivate, 1, null, null, 0);

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial long Call(long number, int* word, long operation, long value, TimeSpec* timeout, int* other, long more);

    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
