namespace Varve.Tests;

/// <summary>What code allocates.</summary>
internal static class Allocations
{
    private const int Rounds = 3;

    /// <summary>
    /// Bytes that a round allocates on the calling thread when it is not the first. The least of some: what the runtime needs once, on
    /// whatever thread it is just then, is not the code's.
    /// </summary>
    public static long OfRound(Action round)
    {
        round();
        long least = long.MaxValue;
        for (int i = 0; i < Rounds; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            round();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
