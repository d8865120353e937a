using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Varve.Mcp.Gateway.Tests.Pool;

/// <summary>A log that keeps what is written to it.</summary>
internal sealed class PoolLogRecords : ILoggerFactory, ILogger
{
    private readonly ConcurrentQueue<string> _lines = [];

    public IEnumerable<string> Lines => _lines;

    public string Text => string.Join('\n', _lines);

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue($"{formatter(state, exception)} {exception?.Message}".TrimEnd());

    public void Dispose()
    {
    }
}
