using Microsoft.Extensions.Logging;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Gateway.Pool;

/// <summary>What the pool tells of its workers. What they write themselves is cut, escaped, and at most so much a minute.</summary>
internal sealed partial class PoolLog(ILoggerFactory loggers, TimeProvider time)
{
    private const int WorkerLinesPerMinuteMax = 300;

    private readonly ILogger _logger = loggers.CreateLogger("Varve.Mcp.Gateway.Pool");
    private readonly ILogger _said = loggers.CreateLogger("Varve.Mcp.Gateway.Worker");
    private readonly Lock _gate = new();
    private DateTimeOffset _minute;
    private int _lines;

    /// <summary>A line of a worker's standard error.</summary>
    public void Said(int slot, int pid, string line)
    {
        if (TryTakeLine()) LogSaid(_said, slot, pid, LogText.Of(line));
    }

    /// <summary>A line of a worker's standard output that is no message.</summary>
    public void LineRefused(int pid, string problem)
    {
        if (TryTakeLine()) LogLineRefused(_said, pid, LogText.Of(problem));
    }

    public void Started(int slot, int pid) => LogStarted(_logger, slot, pid);

    public void Ready(int slot, int pid, string revision, int tools, double milliseconds) =>
        LogReady(_logger, slot, pid, LogText.Of(revision), tools, (long)milliseconds);

    public void Ended(int slot, int pid, int? exitCode) => LogEnded(_logger, slot, pid, exitCode);

    public void Failed(int slot, string reason) => LogFailed(_logger, slot, LogText.Of(reason));

    public void Killed(int slot, int pid, string reason) => LogKilled(_logger, slot, pid, LogText.Of(reason));

    public void RestartsIn(int slot, TimeSpan delay, int failures) =>
        LogRestartsIn(_logger, slot, (long)delay.TotalMilliseconds, failures);

    public void Silent(int slot, int pid, int misses) => LogSilent(_logger, slot, pid, misses);

    public void Sized(int workers, string why) => LogSized(_logger, workers, why);

    public void ToolsUnknown(int slot, int pid, Exception exception) => LogToolsUnknown(_logger, exception, slot, pid);

    public void AskedOtherwise(int slot) => LogAskedOtherwise(_logger, slot);

    private bool TryTakeLine()
    {
        bool isLast;
        lock (_gate)
        {
            DateTimeOffset now = time.GetUtcNow();
            if (now - _minute >= TimeSpan.FromMinutes(1)) (_minute, _lines) = (now, 0);
            if (++_lines > WorkerLinesPerMinuteMax) return false;
            isLast = _lines == WorkerLinesPerMinuteMax;
        }
        if (isLast) LogSilence(_logger, WorkerLinesPerMinuteMax);
        return true;
    }

    [LoggerMessage(1, LogLevel.Information, "Worker {Slot} ({Pid}): {Line}")]
    private static partial void LogSaid(ILogger logger, int slot, int pid, string line);

    [LoggerMessage(2, LogLevel.Warning, "Worker process {Pid} wrote what is no message: {Problem}")]
    private static partial void LogLineRefused(ILogger logger, int pid, string problem);

    [LoggerMessage(3, LogLevel.Warning, "Workers wrote {Count} lines within a minute: the rest of it is not logged.")]
    private static partial void LogSilence(ILogger logger, int count);

    [LoggerMessage(4, LogLevel.Information, "Worker {Slot} was started as process {Pid}.")]
    private static partial void LogStarted(ILogger logger, int slot, int pid);

    [LoggerMessage(5, LogLevel.Information, "Worker {Slot} ({Pid}) is ready: revision {Revision}, {Tools} tools, after {Milliseconds} ms.")]
    private static partial void LogReady(ILogger logger, int slot, int pid, string revision, int tools, long milliseconds);

    [LoggerMessage(6, LogLevel.Information, "Worker {Slot} ({Pid}) ended with exit code {ExitCode}.")]
    private static partial void LogEnded(ILogger logger, int slot, int pid, int? exitCode);

    [LoggerMessage(7, LogLevel.Error, "Worker {Slot} failed: {Reason}")]
    private static partial void LogFailed(ILogger logger, int slot, string reason);

    [LoggerMessage(8, LogLevel.Warning, "Worker {Slot} ({Pid}) is killed: {Reason}")]
    private static partial void LogKilled(ILogger logger, int slot, int pid, string reason);

    [LoggerMessage(9, LogLevel.Warning, "Worker {Slot} is started anew in {Milliseconds} ms, after {Failures} failures in a row.")]
    private static partial void LogRestartsIn(ILogger logger, int slot, long milliseconds, int failures);

    [LoggerMessage(10, LogLevel.Warning, "Worker {Slot} ({Pid}) does not answer: {Misses} times in a row.")]
    private static partial void LogSilent(ILogger logger, int slot, int pid, int misses);

    [LoggerMessage(11, LogLevel.Information, "The pool has {Workers} workers now: {Why}.")]
    private static partial void LogSized(ILogger logger, int workers, string why);

    [LoggerMessage(12, LogLevel.Warning, "The tools of worker {Slot} ({Pid}) have changed and could not be listed.")]
    private static partial void LogToolsUnknown(ILogger logger, Exception exception, int slot, int pid);

    [LoggerMessage(13, LogLevel.Warning, "Worker {Slot} ended when it was asked by server/discover: it is started anew for initialize.")]
    private static partial void LogAskedOtherwise(ILogger logger, int slot);
}
