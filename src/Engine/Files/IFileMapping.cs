namespace Varve.Files;

/// <summary>
/// The first bytes of a file in memory. A store is a write that the system has at once: it survives the process, and reads of the file
/// see it; like any write it is durable only after a sync.
/// </summary>
/// <remarks>
/// One thread at a time stores. The file keeps its length, its disk space and its place for as long as it is mapped: a store into bytes
/// that the file has lost ends the process.
/// </remarks>
internal interface IFileMapping : IDisposable
{
    Span<byte> Bytes { get; }

    /// <summary>
    /// Makes sure that the bytes take stores, which cannot fail: to be called before the first one, and again after a pause, since what the
    /// system wrote back meanwhile is asked for anew. False: nothing more may be stored.
    /// </summary>
    bool TryPrepare(int offset, int count);

    /// <summary>Tells which bytes were stored; until then they are none that survive.</summary>
    void OnStored(int offset, int count);
}
