using System.ComponentModel;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;

namespace Varve.Mcp.Gateway.Pool;

/// <summary>One process from its start to its end: its session, its health, its tools.</summary>
internal sealed class Worker
{
    private const int ErrorLineBytesMax = 4 << 10;

    /// <summary>How long its pipes may stay open after its end, in the hands of somebody who has left its group.</summary>
    private static readonly TimeSpan PipePatience = TimeSpan.FromSeconds(1);

    /// <summary>How long it may take to end once its input is closed.</summary>
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(2);

    private readonly GatewayOptions _options;
    private readonly TimeProvider _time;
    private readonly PoolLog _log;
    private readonly int _slot;
    private readonly bool _isLegacy;
    private readonly Action<Worker> _changed;
    private readonly Action<string> _listChanged;
    private readonly TaskCompletionSource<string> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _ending = new();
    private readonly CancellationTokenSource _unlistening = new();
    private readonly Lock _killing = new();
    private readonly SemaphoreSlim _listing = new(1, 1);

    private WorkerProcess? _process;
    private WorkerPeer? _peer;
    private string? _killReason;
    private Task _listening = Task.CompletedTask;
    private int _listsWanted;
    private volatile bool _isSilent;

    /// <param name="slot">Its place, for the log.</param>
    /// <param name="options">How it is started and watched.</param>
    /// <param name="time">The clock of its limits.</param>
    /// <param name="log">The log.</param>
    /// <param name="isLegacy">Whether it is known to be of the era of sessions.</param>
    /// <param name="changed">Told when <see cref="IsSilent"/> or <see cref="Tools"/> change after the start.</param>
    /// <param name="listChanged">Gets its notifications that a list of resources or prompts has changed.</param>
    public Worker(
        int slot, GatewayOptions options, TimeProvider time, PoolLog log, bool isLegacy, Action<Worker> changed,
        Action<string> listChanged) =>
        (_slot, _options, _time, _log, _isLegacy, _changed, _listChanged) = (slot, options, time, log, isLegacy, changed, listChanged);

    public int? Pid => _process?.Id;

    /// <summary>Why it ended; ends when the process has, with all of its group and all of its requests.</summary>
    public Task<string> Ended => _ended.Task;

    /// <summary>Whether it did not answer to the last question whether it lives.</summary>
    public bool IsSilent => _isSilent;

    /// <summary>Whether it ended, by itself, when it was asked in the way of the modern era: it may be of the other.</summary>
    public bool HasEndedInDiscovery { get; private set; }

    /// <summary>Its tools, once it is ready.</summary>
    public IReadOnlyList<Tool> Tools { get; private set; } = [];

    public ServerCapabilities? Capabilities { get; private set; }

    /// <summary>Calls under way; guarded by the pool.</summary>
    public int InFlight { get; set; }

    public DateTimeOffset? LastMessage => _peer?.LastMessage;

    public long ReadMemoryBytes() => _process?.ReadMemoryBytes() ?? 0;

    /// <summary>Starts the process and learns what it can do. Where that fails the process is killed.</summary>
    /// <returns>Whether it is ready; if not, <see cref="Ended"/> tells why.</returns>
    public async Task<bool> StartAsync()
    {
        long began = _time.GetTimestamp();
        try
        {
            _process = await WorkerProcess.StartAsync(_options.Worker);
        }
        catch (Exception exception) when (exception is Win32Exception or InvalidOperationException or ArgumentException or IOException)
        {
            _ended.SetResult($"'{_options.Worker.File}' could not be started: {exception.Message}");
            return false;
        }
        _log.Started(_slot, _process.Id);
        _peer = new WorkerPeer(_process, OnNotification, _log, _time);
        new Thread(ReadErrors) { IsBackground = true, Name = $"varve worker {_process.Id} errors" }.UnsafeStart();
        _ = EndWithProcessAsync(_process, _peer);
        lock (_killing)
            if (_killReason is not null) _process.Kill();
        try
        {
            return await ShakeHandsAsync(_peer, began);
        }
        catch (OperationCanceledException)
        {
            Kill($"It was not ready within {_options.StartTimeout.TotalSeconds:0.###} s.");
        }
        catch (WorkerLostException)
        {
            // It ended by itself: that is told there.
            HasEndedInDiscovery = Capabilities is null && _peer.IsModern;
        }
        catch (Exception exception)
        {
            // Whatever it answered, it is no worker.
            Kill($"It cannot be talked to: {exception.Message}");
        }
        return false;
    }

    /// <exception cref="McpProtocolException">It answered with an error.</exception>
    /// <exception cref="WorkerLostException">It ended before it answered.</exception>
    public Task<JsonNode?> SendAsync(PoolRequest request, CancellationToken cancellation) =>
        _peer!.SendAsync(request.Method, request.Parameters, request.Notify, cancellation);

    /// <summary>Kills it with its group; the first reason is the one that is told.</summary>
    public void Kill(string reason)
    {
        lock (_killing)
        {
            if (_ended.Task.IsCompleted) return;
            if (_killReason is null && _process is not null) _log.Killed(_slot, _process.Id, reason);
            _killReason ??= reason;
            _process?.Kill();
        }
    }

    /// <summary>Ends it: closes its input, and kills it where that is not enough.</summary>
    public async Task EndAsync()
    {
        // Servers of the SDK do not end while somebody listens to them.
        await _unlistening.CancelAsync();
        await _listening;
        _peer?.EndInput();
        try
        {
            await _ended.Task.WaitAsync(_peer is null ? TimeSpan.Zero : EndPatience);
        }
        catch (TimeoutException)
        {
            Kill("It did not end when its input was closed.");
            await _ended.Task;
        }
    }

    private async Task<bool> ShakeHandsAsync(WorkerPeer peer, long began)
    {
        using CancellationTokenSource limit = new(_options.StartTimeout, _time);
        Handshake hands = await Handshake.ShakeAsync(peer, _isLegacy, _time, limit.Token);
        Capabilities = hands.Capabilities;
        if (peer.IsModern) _listening = ListenAsync(peer, hands.Capabilities);
        if (hands.Capabilities.Tools is not null) Tools = await ListToolsAsync(peer, limit.Token);
        _log.Ready(_slot, _process!.Id, hands.Revision, Tools.Count, _time.GetElapsedTime(began).TotalMilliseconds);
        _ = WatchAsync(peer);
        return true;
    }

    private async Task EndWithProcessAsync(WorkerProcess process, WorkerPeer peer)
    {
        // A worker that writes no more is as good as dead; one that is dead may have left answers in the pipe.
        await Task.WhenAny(process.Exited, peer.OutputEnded);
        process.Kill();
        await process.Exited;
        await Task.WhenAny(peer.OutputEnded, Task.Delay(PipePatience));
        string reason;
        lock (_killing) reason = _killReason ??= $"The worker's process ended with exit code {process.ExitCode}.";
        await _ending.CancelAsync();
        peer.Lose(reason);
        _log.Ended(_slot, process.Id, process.ExitCode);
        _ended.SetResult(reason);
    }

    private async Task WatchAsync(WorkerPeer peer)
    {
        string question = peer.IsModern ? RequestMethods.ServerDiscover : RequestMethods.Ping;
        int misses = 0;
        try
        {
            while (true)
            {
                await Task.Delay(_options.HealthInterval, _time, _ending.Token);
                bool answers = await AnswersAsync(peer, question);
                misses = answers ? 0 : misses + 1;
                if (!answers) _log.Silent(_slot, _process!.Id, misses);
                if (misses >= _options.HealthMissesMax)
                {
                    Kill($"It did not answer {misses} times in a row.");
                    return;
                }
                if (_isSilent == !answers) continue;
                _isSilent = !answers;
                _changed(this);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or WorkerLostException)
        {
            // It has ended.
        }
    }

    private async Task<bool> AnswersAsync(WorkerPeer peer, string question)
    {
        using CancellationTokenSource limit = new(_options.HealthTimeout, _time);
        try
        {
            await peer.SendAsync(question, null, null, limit.Token);
            return true;
        }
        catch (McpProtocolException)
        {
            // Some server that knows no such question: that is an answer.
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>In the modern era a server tells of changes only while it is listened to.</summary>
    private async Task ListenAsync(WorkerPeer peer, ServerCapabilities capabilities)
    {
        JsonObject lists = [];
        if (capabilities.Tools?.ListChanged == true) lists["toolsListChanged"] = true;
        if (capabilities.Prompts?.ListChanged == true) lists["promptsListChanged"] = true;
        if (capabilities.Resources?.ListChanged == true) lists["resourcesListChanged"] = true;
        if (lists.Count == 0) return;
        JsonObject parameters = new() { ["notifications"] = lists };
        try
        {
            await peer.SendAsync(RequestMethods.SubscriptionsListen, parameters, null, _unlistening.Token);
        }
        catch (Exception exception) when (exception is McpException or WorkerLostException or OperationCanceledException)
        {
            // It does not tell, or has ended; its tools are those that it has listed.
        }
    }

    /// <summary>On the thread that reads: nothing here may wait.</summary>
    private void OnNotification(JsonRpcNotification notification)
    {
        switch (notification.Method)
        {
            // The acknowledgement says that from here on no change goes unnoticed: what has changed before it is looked for.
            case NotificationMethods.ToolListChangedNotification or NotificationMethods.SubscriptionsAcknowledgedNotification:
                if (Capabilities?.Tools is not null && Interlocked.Increment(ref _listsWanted) == 1) _ = Task.Run(ListAgainAsync);
                break;
            // Nothing is kept of these: whoever wants them asks again.
            case NotificationMethods.ResourceListChangedNotification or NotificationMethods.PromptListChangedNotification:
                _ = Task.Run(() => _listChanged(notification.Method));
                break;
        }
    }

    private async Task ListAgainAsync()
    {
        int wanted;
        do
        {
            wanted = Volatile.Read(ref _listsWanted);
            using CancellationTokenSource limit = new(_options.StartTimeout, _time);
            try
            {
                Tools = await ListToolsAsync(_peer!, limit.Token);
                _changed(this);
            }
            catch (Exception exception) when (exception is McpException or JsonException or OperationCanceledException)
            {
                _log.ToolsUnknown(_slot, _process!.Id, exception);
            }
            catch (WorkerLostException)
            {
                // The next worker will say which there are.
            }
        }
        while (Interlocked.CompareExchange(ref _listsWanted, 0, wanted) != wanted);
    }

    private async Task<IReadOnlyList<Tool>> ListToolsAsync(WorkerPeer peer, CancellationToken cancellation)
    {
        await _listing.WaitAsync(cancellation);
        try
        {
            return await ToolPages.ReadAsync(peer, cancellation);
        }
        finally
        {
            _listing.Release();
        }
    }

    private void ReadErrors()
    {
        LineReader lines = new(_process!.Errors, ErrorLineBytesMax);
        try
        {
            while (lines.TryRead(out ReadOnlyMemory<byte> line))
                _log.Said(_slot, _process.Id, Encoding.UTF8.GetString(line.Span).TrimEnd());
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            // Broken pipes are ended ones.
        }
    }
}
