using System.Runtime.CompilerServices;
using Varve.Idempotency;
using Varve.Sharing;

namespace Varve.Mcp.Tests.Restarts;

/// <summary>The store of a process that is killed: whatever it would do afterwards does not happen.</summary>
internal sealed class MortalStore(ISharedStore inner) : ISharedStore
{
    private readonly CancellationTokenSource _death = new();
    private int _writes;

    /// <summary>The write, counted from 1, at which the process is killed; 0: none.</summary>
    public int DiesAtWrite { get; set; }

    /// <summary>Whether that write still happens.</summary>
    public bool DiesBehindWrite { get; set; }

    /// <summary>Told of each batch before it is written (false) and behind that (true).</summary>
    public Action<StoreBatch, bool>? Watch { get; set; }

    /// <summary>Told of each batch that is committed, and its sequence.</summary>
    public Action<StoreBatch, ulong>? Committed { get; init; }

    /// <summary>Ends when the process does.</summary>
    public Task Died => Task.Delay(Timeout.Infinite, _death.Token);

    public bool IsDead => _death.IsCancellationRequested;

    public int Writes => _writes;

    public void Kill() => _death.Cancel();

    public ValueTask<byte[]?> GetAsync(string map, ReadOnlyMemory<byte> key, CancellationToken cancellation = default) =>
        Alive().GetAsync(map, key, cancellation);

    public ValueTask<StorePage> ReadRangeAsync(StoreRange range, CancellationToken cancellation = default) =>
        Alive().ReadRangeAsync(range, cancellation);

    public async ValueTask<StoreOutcome> WriteAsync(StoreBatch batch, CancellationToken cancellation = default)
    {
        Alive();
        bool diesHere = Interlocked.Increment(ref _writes) == DiesAtWrite;
        if (diesHere && !DiesBehindWrite) Kill();
        Watch?.Invoke(batch, false);
        StoreOutcome outcome = await Alive().WriteAsync(batch, cancellation);
        if (outcome.IsCommitted) Committed?.Invoke(batch, outcome.Sequence);
        Watch?.Invoke(batch, true);
        if (diesHere) Kill();
        Alive();
        return outcome;
    }

    public async IAsyncEnumerable<ChangeBatch> ReadChangesAsync(
        StoreFeed feed, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _death.Token);
        await foreach (ChangeBatch batch in Alive().ReadChangesAsync(feed, either.Token)) yield return batch;
    }

    public ValueTask<IReadOnlyList<string>> ListMapsAsync(CancellationToken cancellation = default) => Alive().ListMapsAsync(cancellation);

    /// <summary>Whether a batch puts an invocation's row of a kind: 'r' a request, 'f' an outcome.</summary>
    public static bool Puts(StoreBatch batch, char kind) => batch.Operations.Any(operation =>
        operation.Kind == StoreOperationKind.Put && operation.Map == InternalMaps.Invocations && operation.Key.Span[0] == kind);

    private ISharedStore Alive() => IsDead ? throw new IOException("The process is dead.") : inner;
}
