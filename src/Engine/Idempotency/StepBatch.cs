using Varve.Sharing;

namespace Varve.Idempotency;

/// <summary>
/// What a guarded step writes to maps: committed in one batch with the record that the step is done, and dropped when the step throws. So
/// either both are there or neither. Writes need no alias here.
/// </summary>
/// <remarks>Safe for concurrent use, until the step has returned.</remarks>
public sealed class StepBatch
{
    private readonly List<StoreOperation> _operations = [];
    private bool _isSealed;

    internal StepBatch(int attempt, CancellationToken cancellation)
    {
        Attempt = attempt;
        Cancellation = cancellation;
    }

    /// <summary>Which attempt of the guard this is, in all runs of the invocation, from 1.</summary>
    public int Attempt { get; }

    /// <summary>Cancelled when the caller gives up, or the invocation is aborted.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>Gives a key a value.</summary>
    /// <param name="map">The map's name.</param>
    /// <param name="key">0 to 16,384 bytes of UTF-8.</param>
    /// <param name="value">The value; its bytes are copied.</param>
    /// <exception cref="ArgumentException">The map is an internal one, or the key no valid text.</exception>
    /// <exception cref="InvalidOperationException">The step has returned.</exception>
    public void Insert(string map, string key, ReadOnlySpan<byte> value) =>
        Add(StoreOperation.Put(Check(map), StoreMap.BytesOf(key), value.ToArray()));

    /// <summary>Removes a key; one that is absent is passed over. Errors as those of <see cref="Insert"/>.</summary>
    /// <param name="map">The map's name.</param>
    /// <param name="key">0 to 16,384 bytes of UTF-8.</param>
    public void Remove(string map, string key) => Add(StoreOperation.Delete(Check(map), StoreMap.BytesOf(key)));

    /// <summary>What was written; nothing more is taken.</summary>
    internal IReadOnlyList<StoreOperation> Seal()
    {
        lock (_operations)
        {
            _isSealed = true;
            return _operations;
        }
    }

    private static string Check(string map)
    {
        ArgumentException.ThrowIfNullOrEmpty(map);
        InternalMaps.ThrowIfInternal(map);
        return map;
    }

    private void Add(StoreOperation operation)
    {
        lock (_operations)
        {
            if (_isSealed) throw new InvalidOperationException("The step has returned: nothing more can be written with it.");
            _operations.Add(operation);
        }
    }
}
