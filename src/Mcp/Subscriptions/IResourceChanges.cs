namespace Varve.Mcp.Subscriptions;

/// <summary>Says which resources change. All that are registered are listened to.</summary>
public interface IResourceChanges
{
    /// <summary>Raised with the URI of a resource that changed, on any thread; a listener returns at once.</summary>
    event Action<string>? Changed;

    /// <summary>
    /// Raised where many may have changed at once, with a test that holds for their URIs: every resource that somebody subscribed to is
    /// held against it, on any thread. A source that never says so need not have it.
    /// </summary>
    event Action<Predicate<string>>? ManyChanged
    {
        add { }
        remove { }
    }
}

/// <summary>Changes that the program itself reports: inject it into tools.</summary>
public sealed class ResourceChanges : IResourceChanges
{
    /// <inheritdoc/>
    public event Action<string>? Changed;

    /// <inheritdoc/>
    public event Action<Predicate<string>>? ManyChanged;

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

    /// <summary>Says that all resources changed whose URIs a test holds for: a whole list, or what lies in a range.</summary>
    /// <param name="uris">The test; called at once, for each resource that somebody subscribed to.</param>
    public void ReportMany(Predicate<string> uris)
    {
        ArgumentNullException.ThrowIfNull(uris);
        ManyChanged?.Invoke(uris);
    }
}
