using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Calls;

/// <summary>
/// Unexpected exceptions: the log gets the details, the client a reference by which they are found. At most 60 a minute are logged.
/// </summary>
internal sealed partial class FailureLog(ILoggerFactory loggers, TimeProvider time)
{
    private const int EntriesPerMinuteMax = 60;

    private readonly ILogger _logger = loggers.CreateLogger("Varve.Mcp.Failures");
    private readonly Lock _gate = new();
    private DateTimeOffset _minute;
    private int _entries;

    public string Report(Exception exception, string what, string? name)
    {
        string reference = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));
        if (TryTakeEntry(out bool isLast)) LogFailure(_logger, exception, what, LogText.Of(name), reference);
        if (isLast) LogSilence(_logger, EntriesPerMinuteMax);
        return reference;
    }

    private bool TryTakeEntry(out bool isLast)
    {
        lock (_gate)
        {
            DateTimeOffset now = time.GetUtcNow();
            if (now - _minute >= TimeSpan.FromMinutes(1)) (_minute, _entries) = (now, 0);
            isLast = ++_entries == EntriesPerMinuteMax;
            return _entries <= EntriesPerMinuteMax;
        }
    }

    [LoggerMessage(1, LogLevel.Error, "The {What} '{Name}' failed unexpectedly (reference {Reference}).")]
    private static partial void LogFailure(ILogger logger, Exception exception, string what, string name, string reference);

    [LoggerMessage(2, LogLevel.Warning, "{Count} failures within a minute: the rest of it is not logged.")]
    private static partial void LogSilence(ILogger logger, int count);
}
