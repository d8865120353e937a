namespace Varve.Tests.House;

/// <summary>Managed bytes that a piece of work allocates.</summary>
internal static class Allocated
{
    private const int Rounds = 3;

    /// <summary>The least of some rounds: a collection in the middle of one, or what the runtime needs once, spoils its count.</summary>
    public static long By(Action work)
    {
        long least = long.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            work();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
