namespace Varve.Mcp.Subscriptions;

/// <summary>Says which resources change. All that are registered are listened to.</summary>
public interface IResourceChanges
{
    /// <summary>Raised with the URI of a resource that changed, on any thread; a listener returns at once.</summary>
    event Action<string>? Changed;
}

/// <summary>Changes that the program itself reports: inject it into tools.</summary>
public sealed class ResourceChanges : IResourceChanges
{
    /// <inheritdoc/>
    public event Action<string>? Changed;

    /// <summary>
    /// Says that a resource changed: clients that subscribed to it hear of it, at most once per <see
    /// cref="VarveMcpOptions.UpdateInterval"/>.
    /// </summary>
    /// <param name="uri">The resource's URI.</param>
    public void Report(string uri)
    {
        ArgumentException.ThrowIfNullOrEmpty(uri);
        Changed?.Invoke(uri);
    }
}
