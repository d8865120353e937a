namespace Varve.Tables;

/// <summary>The cache's counters since it was made. Hits and misses are approximate: threads count without interlocking.</summary>
/// <param name="Hits">Blocks found.</param>
/// <param name="Misses">Blocks not found.</param>
/// <param name="Evictions">Blocks that had to go for others.</param>
/// <param name="BytesUsed">What counts towards the capacity: frames in use, metadata, resident partitions, private frames.</param>
/// <param name="ResidentBytes">Of them: partitions that tables keep outside the frames.</param>
/// <param name="PrivateBytes">Of them: blocks outside the frames that live as long as their pin.</param>
internal readonly record struct BlockCacheStatistics(
    long Hits, long Misses, long Evictions, long BytesUsed, long ResidentBytes, long PrivateBytes);
