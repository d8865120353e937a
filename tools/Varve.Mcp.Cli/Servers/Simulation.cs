namespace Varve.Mcp.Cli.Servers;

/// <summary>The moods of the services outside that the examples pretend to call: by chance, or the same each time from a seed.</summary>
/// <param name="seed">Null: another run each time.</param>
internal class Simulation(int? seed)
{
    private readonly Random _random = seed is { } given ? new Random(given) : new Random();
    private readonly Lock _guard = new();
    private readonly HashSet<long> _claimed = [];

    /// <summary>One call of a service: a number from 0 (inclusive) to 1 (exclusive) that says how it goes.</summary>
    public virtual double Call(string service)
    {
        lock (_guard) return _random.NextDouble();
    }

    /// <summary>True for the first who asks for a number in this process.</summary>
    public bool TryClaim(long number)
    {
        lock (_guard) return _claimed.Add(number);
    }
}

/// <summary>A service did not answer: nothing has happened, another try may help.</summary>
internal sealed class NetworkException(string message) : Exception(message);

/// <summary>A service has answered, with a refusal that another try does not change.</summary>
/// <param name="kind">The refusal's name in answers.</param>
/// <param name="message">What is refused.</param>
internal sealed class RefusedException(string kind, string message) : Exception(message)
{
    public string Kind { get; } = kind;
}
