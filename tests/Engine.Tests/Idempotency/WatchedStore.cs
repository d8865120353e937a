using Varve.Sharing;

namespace Varve.Tests.Idempotency;

/// <summary>Whatever the process would have done next it does not do: it has ended.</summary>
internal sealed class ProcessEndedException() : Exception("The process has ended.");

/// <summary>A store whose writes are kept to be looked at, and in which the process ends before or behind one of them.</summary>
internal sealed class WatchedStore(ISharedStore inner) : ISharedStore
{
    private readonly Lock _gate = new();
    private readonly List<StoreBatch> _writes = [];
    private bool _hasEnded;

    /// <summary>The write, counted from 1, at which the process ends; 0: none.</summary>
    public int EndsAtWrite { get; set; }

    /// <summary>Whether that write still happens.</summary>
    public bool EndsBehindWrite { get; set; }

    public bool HasEnded => _hasEnded;

    /// <summary>What others do just before the next write, once.</summary>
    public Func<Task>? BeforeWrite { get; set; }

    /// <summary>The next feeds that are asked for find that they have come too late.</summary>
    public int FeedsLost { get; set; }

    public StoreBatch[] Writes
    {
        get
        {
            lock (_gate) return [.. _writes];
        }
    }

    public ValueTask<byte[]?> GetAsync(string map, ReadOnlyMemory<byte> key, CancellationToken cancellation = default) =>
        Alive().GetAsync(map, key, cancellation);

    public ValueTask<StorePage> ReadRangeAsync(StoreRange range, CancellationToken cancellation = default) =>
        Alive().ReadRangeAsync(range, cancellation);

    public async ValueTask<StoreOutcome> WriteAsync(StoreBatch batch, CancellationToken cancellation = default)
    {
        if (BeforeWrite is { } before)
        {
            BeforeWrite = null;
            await before();
        }

        bool endsHere;
        lock (_gate)
        {
            Alive();
            _writes.Add(batch);
            endsHere = _writes.Count == EndsAtWrite;
            _hasEnded = endsHere;
        }

        if (endsHere && !EndsBehindWrite) throw new ProcessEndedException();
        StoreOutcome outcome = await inner.WriteAsync(batch, cancellation);
        return endsHere ? throw new ProcessEndedException() : outcome;
    }

    public IAsyncEnumerable<ChangeBatch> ReadChangesAsync(StoreFeed feed, CancellationToken cancellation = default)
    {
        if (FeedsLost-- > 0) throw new ChangeHistoryLostException(1, 2);
        return Alive().ReadChangesAsync(feed, cancellation);
    }

    public ValueTask<IReadOnlyList<string>> ListMapsAsync(CancellationToken cancellation = default) => Alive().ListMapsAsync(cancellation);

    private ISharedStore Alive() => _hasEnded ? throw new ProcessEndedException() : inner;
}
