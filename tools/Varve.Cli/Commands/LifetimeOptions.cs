using System.CommandLine;

namespace Varve.Cli.Commands;

/// <summary>The options for an entry that ends by itself.</summary>
internal sealed class LifetimeOptions
{
    public Option<string?> TimeToLive { get; } = new("--ttl")
    {
        Description = "The key is absent after this time: 90s, 15m, 1h30m, 7d; units are ms, s, m, h, d and w.",
        HelpName = "DURATION",
    };

    public Option<string?> Until { get; } = new("--until")
    {
        Description = "The key is absent from this moment on: 2030-01-31, 2030-01-31T12:00:00Z, 2030-01-31T12:00+02:00; "
            + "UTC without an offset. A moment that has passed acts as a delete.",
        HelpName = "TIMESTAMP",
    };

    /// <summary>What puts the entry into a batch, so that a time to live begins as late as it can.</summary>
    public Action<WriteBatch, SortedMap, byte[], byte[]> Read(ParseResult parsed)
    {
        string? duration = parsed.GetValue(TimeToLive);
        string? moment = parsed.GetValue(Until);
        if (duration is not null && moment is not null) throw CommandFailureException.Usage("--ttl and --until exclude each other.");
        if (duration is not null)
        {
            if (!Moments.TryParseDuration(duration, out TimeSpan timeToLive))
            {
                throw CommandFailureException.Usage(
                    $"The time to live '{duration}' is none: numbers with ms, s, m, h, d or w, as in 1h30m.");
            }

            return (batch, map, key, value) => batch.Put(map, key, value, timeToLive);
        }

        if (moment is null) return (batch, map, key, value) => batch.Put(map, key, value);
        if (!Moments.TryParse(moment, out DateTimeOffset expiry))
        {
            throw CommandFailureException.Usage(
                $"The moment '{moment}' is none: 2030-01-31, 2030-01-31T12:00:00Z or 2030-01-31T12:00+02:00.");
        }

        return (batch, map, key, value) => batch.PutUntil(map, key, value, expiry);
    }
}
