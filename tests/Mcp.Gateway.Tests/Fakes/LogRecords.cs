using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Varve.Mcp.Gateway.Tests.Fakes;

/// <summary>A log that keeps what is written to it.</summary>
internal sealed class LogRecords : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<(LogLevel Level, string Text, Exception? Exception)> _records = [];

    public IReadOnlyCollection<(LogLevel Level, string Text, Exception? Exception)> All => _records;

    /// <summary>Everything, as somebody who reads the log would see it.</summary>
    public string Text => string.Join('\n', _records.Select(record => $"{record.Text} {record.Exception}"));

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _records.Enqueue((logLevel, formatter(state, exception), exception));

    public void Clear() => _records.Clear();

    public void Dispose()
    {
    }
}
