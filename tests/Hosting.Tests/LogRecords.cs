using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Varve.Hosting.Tests;

/// <summary>A log that keeps what is written to it.</summary>
internal sealed class LogRecords : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<LogRecord> _records = [];
    private readonly string _category;

    public LogRecords()
        : this("", [])
    {
    }

    private LogRecords(string category, ConcurrentQueue<LogRecord> records)
    {
        _category = category;
        _records = records;
    }

    public IReadOnlyList<LogRecord> OfDatabases => [.. _records.Where(record => record.Category == "Varve.Database")];

    public ILogger CreateLogger(string categoryName) => new LogRecords(categoryName, _records);

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var properties = (IReadOnlyList<KeyValuePair<string, object?>>)state!;
        _records.Enqueue(new LogRecord(
            _category, logLevel, eventId, formatter(state, exception), exception, new Dictionary<string, object?>(properties)));
    }

    public void Dispose()
    {
    }
}

internal sealed record LogRecord(
    string Category, LogLevel Level, EventId Id, string Text, Exception? Failure, IReadOnlyDictionary<string, object?> Properties);
