using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Gateway.Pool;

/// <summary>
/// Workers between a least and a greatest number, and the queue in front of them. Calls go to the worker that has least to do; workers that
/// fail are replaced after a wait that grows with each failure.
/// </summary>
/// <remarks>Any thread may call. Nothing waits inside the gate; tasks are ended there, their continuations run elsewhere.</remarks>
internal sealed partial class WorkerPool : IWorkerPool, IHostedService, IDisposable, IAsyncDisposable
{
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(5);

    private readonly GatewayOptions _options;
    private readonly TimeProvider _time;
    private readonly PoolLog _log;
    private readonly Lock _gate = new();
    private readonly List<WorkerSlot> _slots = [];
    private readonly CallQueue _queue = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private IReadOnlyList<Tool> _tools = [];
    private ServerCapabilities? _capabilities;
    private string _toolsAndCapabilities = "";
    private long _arrivals;
    private int _accepted;
    private bool _isDraining;
    private bool _isOver;

    public WorkerPool(IOptions<GatewayOptions> options, TimeProvider time, ILoggerFactory loggers)
    {
        (_options, _time, _log) = (options.Value, time, new PoolLog(loggers, time));
        // Timers carry nothing of whoever happens to make the pool.
        using AsyncFlowControl flow = ExecutionContext.SuppressFlow();
        _growth = time.CreateTimer(_ => Grow(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _shrinkage = time.CreateTimer(_ => Shrink(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public event Action? Changed;

    public event Action<string>? ListChanged;

    public IReadOnlyList<Tool> Tools => Volatile.Read(ref _tools);

    public ServerCapabilities? Capabilities => Volatile.Read(ref _capabilities);

    public Task Ready => _ready.Task;

    public bool IsFull
    {
        get
        {
            lock (_gate) return _queue.Count >= _options.QueueLimit && FindFree() is null;
        }
    }

    public PoolStatus Status
    {
        get
        {
            lock (_gate)
            {
                return new PoolStatus(
                    [.. _slots.Select(slot => slot.Read())], _options.WorkersMin, _options.WorkersMax, _queue.Count, _options.QueueLimit);
            }
        }
    }

    /// <summary>Starts the least number of workers; does not wait until they are ready.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        AppDomain.CurrentDomain.ProcessExit += OnProcessEnding;
        AppDomain.CurrentDomain.UnhandledException += OnProcessEnding;
        for (int worker = 0; worker < _options.WorkersMin; worker++) AddSlot();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => DrainAsync(_options.DrainTimeout);

    public async Task<JsonNode?> SendAsync(PoolRequest request, CancellationToken cancellation)
    {
        long arrival = Interlocked.Increment(ref _arrivals);
        WaitingCall call = Accept(arrival);
        try
        {
            while (true)
            {
                WorkerSlot slot = await WaitAsync(call, cancellation);
                (bool isAnswered, JsonNode? result) = await TrySendAsync(slot, call.Worker!, request, cancellation);
                if (isAnswered) return result;
                call = AcceptAgain(arrival);
            }
        }
        finally
        {
            lock (_gate)
                if (--_accepted == 0 && _isDraining) _idle.TrySetResult();
        }
    }

    /// <summary>False where the worker has ended before it got the request.</summary>
    private async Task<(bool IsAnswered, JsonNode? Result)> TrySendAsync(
        WorkerSlot slot, Worker worker, PoolRequest request, CancellationToken cancellation)
    {
        long began = _time.GetTimestamp();
        CallOutcome outcome = CallOutcome.TakenBack;
        try
        {
            JsonNode? result = await worker.SendAsync(request, cancellation);
            outcome = CallOutcome.Result;
            return (true, result);
        }
        catch (McpProtocolException)
        {
            outcome = CallOutcome.Error;
            throw;
        }
        catch (WorkerLostException lost)
        {
            if (!lost.WasSent) return (false, null);
            outcome = CallOutcome.Lost;
            throw;
        }
        finally
        {
            Release(slot, worker, outcome, _time.GetElapsedTime(began));
        }
    }

    private WaitingCall Accept(long arrival)
    {
        lock (_gate)
        {
            if (_isDraining || _isOver)
                throw new McpProtocolException("The server is draining: try again later.", (McpErrorCode)ErrorCodes.Refused);
            WaitingCall call = new(arrival);
            if (_queue.Count > 0 || !TryGive(call))
            {
                if (_queue.Count >= _options.QueueLimit) throw ErrorCodes.Overload("waiting calls");
                Enqueue(call);
            }
            _accepted++;
            return call;
        }
    }

    /// <summary>A call whose worker ended before it got it: it is at its old place, and not counted again.</summary>
    private WaitingCall AcceptAgain(long arrival)
    {
        lock (_gate)
        {
            WaitingCall call = new(arrival);
            if (_queue.HasBefore(arrival) || !TryGive(call)) Enqueue(call);
            return call;
        }
    }

    private void Enqueue(WaitingCall call)
    {
        if (FindHopelessness() is { } reason) throw new WorkerLostException(wasSent: false, reason);
        _queue.Add(call);
        ArmGrowth();
    }

    private async Task<WorkerSlot> WaitAsync(WaitingCall call, CancellationToken cancellation)
    {
        if (call.Given.IsCompletedSuccessfully) return await call.Given;
        await using CancellationTokenRegistration taken = cancellation.UnsafeRegister(_ =>
        {
            // One that has been given a worker meanwhile is cancelled there.
            lock (_gate)
                if (_queue.Remove(call)) call.Cancel(cancellation);
        }, null);
        return await call.Given;
    }

    private void Release(WorkerSlot slot, Worker worker, CallOutcome outcome, TimeSpan took)
    {
        bool isLast;
        lock (_gate)
        {
            worker.InFlight--;
            slot.NoteCall(outcome, took);
            slot.BusyTimestamp = _time.GetTimestamp();
            isLast = slot.IsDraining && slot.Worker == worker && worker.InFlight == 0;
            Dispatch();
        }
        if (isLast) _ = worker.EndAsync();
    }

    /// <summary>Gives waiting calls to workers that are free.</summary>
    private void Dispatch()
    {
        while (_queue.Count > 0 && FindFree() is { } slot && _queue.TryTake(out WaitingCall? call)) Give(call!, slot);
    }

    private bool TryGive(WaitingCall call)
    {
        if (FindFree() is not { } slot) return false;
        Give(call, slot);
        return true;
    }

    private static void Give(WaitingCall call, WorkerSlot slot)
    {
        slot.Worker!.InFlight++;
        call.Give(slot);
    }

    /// <summary>The one that has least to do; of equals the first, so that the last may become idle and go.</summary>
    private WorkerSlot? FindFree()
    {
        WorkerSlot? best = null;
        foreach (WorkerSlot slot in _slots)
        {
            if (!slot.IsFree(_options.WorkerConcurrency)) continue;
            if (best is null || slot.Worker!.InFlight < best.Worker!.InFlight) best = slot;
        }
        return best;
    }

    /// <summary>Why no worker will come soon; null where one is there or may come.</summary>
    private string? FindHopelessness()
    {
        if (_isOver) return "The server has stopped.";
        // Before the start everything may still come.
        if (_slots.Count == 0 || _slots.Exists(slot => slot.IsHope)) return null;
        return _slots.FindLast(slot => slot.LastFailure is not null)?.LastFailure is { } reason
            ? $"No worker could be started: {reason}"
            : null;
    }

    private void RefuseHopeless()
    {
        if (FindHopelessness() is not { } reason) return;
        while (_queue.TryTake(out WaitingCall? call)) call!.Refuse(new WorkerLostException(wasSent: false, reason));
    }

    private void OnWorkerChanged(Worker worker)
    {
        bool isChanged;
        lock (_gate)
        {
            // A worker that lost its silence takes calls again.
            Dispatch();
            isChanged = _slots.Exists(slot => slot.Worker == worker && slot.IsReady) && TakeTools(worker);
        }
        if (isChanged) Changed?.Invoke();
    }

    private bool TakeTools(Worker worker)
    {
        string now = JsonSerializer.Serialize(worker.Tools, McpJsonUtilities.DefaultOptions)
            + JsonSerializer.Serialize(worker.Capabilities, McpJsonUtilities.DefaultOptions);
        if (now == _toolsAndCapabilities) return false;
        _toolsAndCapabilities = now;
        Volatile.Write(ref _tools, worker.Tools);
        Volatile.Write(ref _capabilities, worker.Capabilities);
        return true;
    }

    private void OnProcessEnding(object? sender, EventArgs e) => Dispose();
}
