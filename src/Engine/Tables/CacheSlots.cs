namespace Varve.Tables;

/// <summary>
/// One table's way into the <see cref="BlockCache"/>: the frame number of each of its blocks, found by the block's ordinal without
/// hashing. A number may be stale, because the frame has gone to another block since: the frame itself says whose it is.
/// </summary>
/// <remarks>Four bytes a block, which belong to the open table, not to the cache's capacity. Used with one cache only.</remarks>
internal sealed class CacheSlots
{
    /// <summary>A slot that names no frame: no frame has the number 0.</summary>
    internal const int None = 0;

    private static int s_lastId;

    internal readonly int[] FrameNumbers;

    /// <summary>Never 0, which is the owner of frames that nobody may find.</summary>
    internal readonly int Id;

    /// <summary>Written and read under the cache's lock.</summary>
    internal bool IsForgotten;

    public CacheSlots(int count)
    {
        FrameNumbers = new int[count];
        do Id = Interlocked.Increment(ref s_lastId);
        while (Id == 0);
    }

    public int Count => FrameNumbers.Length;
}
