using Varve.Reading;

namespace Varve;

// Reads of many keys, and what reads share.
public sealed partial class Database
{
    /// <summary>The engine's own threads for reads that wait for the disk.</summary>
    internal ReaderThreads Readers => _store.Readers;

    /// <summary>Gets of many keys as one, to be filled with keys.</summary>
    public MultiGet CreateMultiGet()
    {
        ThrowIfClosed();
        return new MultiGet(this);
    }

    /// <summary>What leases keep counts together with what cursors keep.</summary>
    internal void CountPinnedBytes(long change) => _store.Cache.CountCursorBytes(change);
}
