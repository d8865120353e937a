using Varve.Recovery;

namespace Varve.Maintenance;

/// <summary>An open store as the meter sees it: a figure is read whole, or not at all once the store is being closed.</summary>
internal sealed class ObservedStore(Store store)
{
    private readonly Lock _closeGuard = new();
    private bool _isClosed;

    public KeyValuePair<string, object?> Tag => store.Events.Tag;

    /// <summary>Reads a figure; false when there is none any more. What reads it waits for nothing.</summary>
    public bool TryRead<T>(Func<Store, T> read, out T value)
        where T : struct
    {
        lock (_closeGuard)
        {
            value = _isClosed ? default : read(store);
            return !_isClosed;
        }
    }

    /// <summary>Returns when nobody reads a figure, and nobody will.</summary>
    public void Close()
    {
        lock (_closeGuard) _isClosed = true;
    }
}
