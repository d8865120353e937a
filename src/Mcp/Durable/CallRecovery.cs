using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Idempotency;
using Varve.Mcp.Messages;
using Varve.Mcp.Sessions;
using Varve.Sharing;

// The SDK marks its types for sessions over HTTP as obsolete, because revision 2026-07-28 has no sessions. Older clients need them.
#pragma warning disable MCP9006

namespace Varve.Mcp.Durable;

/// <summary>
/// Goes on with calls that nobody runs: at the start those that an earlier process has left, later those of processes whose lease has
/// ended, and what an operator has queued. A call is run again, or ended, as its tool says; of a tool that is not here nothing is touched.
/// </summary>
internal sealed partial class CallRecovery(
    Journal journal, StoreEventLog events, SessionRegistry sessions, IOptions<McpServerOptions> serverOptions,
    IOptions<VarveMcpOptions> options, TimeProvider time, ILoggerFactory loggers, IServiceProvider services) : BackgroundService
{
    /// <summary>
    /// Between two looks at what is not finished. A feed of changes would tell at once, but reads all that is ever written.
    /// </summary>
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// So many times as long as a look has taken is waited until the next, up to the longest interval: in a busy journal it passes all that
    /// has just ended.
    /// </summary>
    private const int IntervalsOfLook = 100;

    private static readonly TimeSpan LookIntervalMax = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan DrainTimeout = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<Guid, Task> _running = new();
    private readonly HashSet<Guid> _failed = [];
    private readonly SemaphoreSlim _places = new(options.Value.CallsMax);
    private readonly CancellationTokenSource _ending = new();
    private readonly ILogger _logger = loggers.CreateLogger("Varve.Mcp.Recovery");

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        Task all = Task.WhenAll(_running.Values);
        await all.WaitAsync(DrainTimeout, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _ending.CancelAsync();
        await all.WaitAsync(AnswerTimeout, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            TimeSpan delay;
            try
            {
                delay = await LookAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                LogLookFailed(_logger, failure);
                delay = RetryDelay;
            }
            await Task.Delay(delay, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Takes what nobody runs; returns how long to wait until the next look.</summary>
    private async ValueTask<TimeSpan> LookAsync(CancellationToken cancellation)
    {
        long begun = Stopwatch.GetTimestamp();
        bool isAnyThere = false;
        await foreach (Invocation left in journal.ListOrphansAsync(cancellation))
        {
            isAnyThere = true;
            await TakeAsync(left, cancellation);
        }
        TimeSpan delay = Stopwatch.GetElapsedTime(begun) * IntervalsOfLook;
        return isAnyThere || delay < LookInterval ? LookInterval
            : delay < LookIntervalMax ? delay
            : LookIntervalMax;
    }

    private async ValueTask TakeAsync(Invocation left, CancellationToken cancellation)
    {
        try
        {
            if (!TryFindTool(left.Name, out McpServerTool? tool) || _failed.Contains(left.Id)) return;
            CallOrigin origin = CallOrigin.Read(left.Origin);
            bool isOtherTool = left is { State: InvocationState.Running, Recovery: RecoveryMode.Resume } && origin.Schema.Length > 0
                && origin.Schema != ToolPolicy.Of(tool).Schema;
            InvocationState end = left.Recovery == RecoveryMode.Resume ? InvocationState.Dead : InvocationState.Stopped;
            IReadOnlyList<StoreOperation> rowsAtEnd = await RowsOfEndAsync(left, origin, end, cancellation);
            InvocationContext? run = await TryTakeAsync(left, rowsAtEnd, cancellation);
            if (run is null) return;
            _running[run.Id] = RunAsync(run, origin, isOtherTool ? rowsAtEnd : null);
        }
        catch (Exception failure) when (failure is JsonException or InvalidDataException or InvalidOperationException)
        {
            // Nothing that another call has to wait for, and not to be told with each look.
            _failed.Add(left.Id);
            LogRunFailed(_logger, failure, left.Name, left.Id);
        }
    }

    /// <summary>A run of this process, with a place for it; null where the call has ended, or somebody else has it.</summary>
    private async ValueTask<InvocationContext?> TryTakeAsync(
        Invocation left, IReadOnlyList<StoreOperation> rowsAtEnd, CancellationToken cancellation)
    {
        await _places.WaitAsync(cancellation);
        InvocationContext? run = null;
        try
        {
            run = await journal.RecoverAsync(left, _ => rowsAtEnd, cancellation);
        }
        finally
        {
            if (run is null) _places.Release();
        }
        if (run is not null) LogTaken(_logger, run.Name, run.Id, run.Attempt);
        else if (await journal.FindAsync(left.Id, cancellation) is { IsFinished: true } ended)
            LogEnded(_logger, left.Name, left.Id, ended.State);
        return run;
    }

    /// <summary>A program may take calls of tools by name itself; then all of them are its own.</summary>
    private bool TryFindTool(string name, out McpServerTool? tool)
    {
        tool = null;
        McpServerOptions server = serverOptions.Value;
        return server.ToolCollection?.TryGetPrimitive(name, out tool) == true || server.Handlers.CallToolHandler is not null;
    }

    private async ValueTask<IReadOnlyList<StoreOperation>> RowsOfEndAsync(
        Invocation call, CallOrigin origin, InvocationState end, CancellationToken cancellation)
    {
        if (origin.Session is null) return [];
        JsonRpcResponse answer = StoreEventLog.Answer(origin.Request, StoredResult.Without(end));
        return await events.RowsOfEndAsync(origin.Session, origin.Stream, call.Id, answer, cancellation);
    }

    /// <summary>With rows for its end it is not run, but dead.</summary>
    private async Task RunAsync(InvocationContext run, CallOrigin origin, IReadOnlyList<StoreOperation>? rowsAtEnd)
    {
        // Known as running before it can end.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            if (rowsAtEnd is not null) await journal.EndAsync(run.Id, InvocationState.Dead, rowsAtEnd);
            else if (!await TryRunInSessionAsync(run, origin)) await RunAloneAsync(run, origin with { Session = null });
        }
        catch (Exception failure)
        {
            if (!_ending.IsCancellationRequested) LogRunFailed(_logger, failure, run.Name, run.Id);
        }
        finally
        {
            run.Detach();
            _running.TryRemove(run.Id, out _);
            _places.Release();
        }
    }

    /// <summary>The session's stream goes on; false where there is no session or no stream that waits for this call's answer.</summary>
    private async ValueTask<bool> TryRunInSessionAsync(InvocationContext run, CallOrigin origin)
    {
        if (origin.Session is null) return false;
        if (await sessions.EnterAsync(origin.Session, run.Principal, _ending.Token) is not { } session) return false;
        try
        {
            if (!await events.TryResumeAsync(session.Id, origin.Stream, run.Id, _ending.Token)) return false;
            JsonRpcRequest request = RecoveredCall.Create(run, origin);
            string? revision = session.Record?.Client.ProtocolVersion;
            if (revision is not null && ProtocolRevisions.IsKnown(revision)) request.Context!.ProtocolVersion = revision;
            await PostAsync(session.Transport, request, run, origin.Stream);
            return true;
        }
        finally
        {
            sessions.Leave(session);
        }
    }

    /// <summary>Nobody hears of it but whoever comes with its key.</summary>
    private async Task RunAloneAsync(InvocationContext run, CallOrigin origin)
    {
        JsonRpcRequest request = RecoveredCall.Create(run, origin);
        JsonObject parameters = (JsonObject)request.Params!;
        JsonObject meta = parameters["_meta"] as JsonObject ?? [];
        meta[MetaKeys.ProtocolVersion] = ProtocolRevisions.Modern;
        meta[MetaKeys.ClientCapabilities] ??= new JsonObject();
        parameters["_meta"] = meta;
        request.Context!.ProtocolVersion = ProtocolRevisions.Modern;
        await using StreamableHttpServerTransport transport = new(loggers) { Stateless = true };
        await using McpServer server = McpServer.Create(transport, serverOptions.Value, loggers, services);
        Task serving = server.RunAsync(_ending.Token);
        try
        {
            await PostAsync(transport, request, run, stream: null);
        }
        finally
        {
            await transport.DisposeAsync();
            await serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Where a call is cancelled, the SDK sends no answer, and the end of the run is the end of it.</summary>
    private async Task PostAsync(
        StreamableHttpServerTransport transport, JsonRpcRequest request, InvocationContext run, string? stream)
    {
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(_ending.Token);
        Task posting = ResumableStreams.PostAsync(transport, request, Stream.Null, null, over.Token, stream);
        if (await Task.WhenAny(posting, run.Ended) != posting)
        {
            await posting.WaitAsync(AnswerTimeout).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await over.CancelAsync();
        }
        await posting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    [LoggerMessage(1, LogLevel.Information, "The call of '{Tool}' ({Id}) that was cut short is run again: run {Attempt}.")]
    private static partial void LogTaken(ILogger logger, string tool, Guid id, int attempt);

    [LoggerMessage(2, LogLevel.Warning, "The call of '{Tool}' ({Id}) that was cut short cannot be run again: {State}.")]
    private static partial void LogEnded(ILogger logger, string tool, Guid id, InvocationState state);

    [LoggerMessage(3, LogLevel.Warning, "Calls that were cut short could not be looked for; it is tried again.")]
    private static partial void LogLookFailed(ILogger logger, Exception failure);

    [LoggerMessage(4, LogLevel.Warning, "The call of '{Tool}' ({Id}) that was cut short could not be run again.")]
    private static partial void LogRunFailed(ILogger logger, Exception failure, string tool, Guid id);
}
