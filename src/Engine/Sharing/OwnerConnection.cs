using System.IO.Pipelines;
using System.Net.Sockets;

namespace Varve.Sharing;

/// <summary>
/// One process that is connected to the owner. What it sends cannot harm the owner: the worst is that its connection ends.
/// </summary>
internal sealed class OwnerConnection
{
    private const int PagesMax = 8;

    private static readonly TimeSpan HelloTime = TimeSpan.FromSeconds(10);

    private readonly OwnerLink _owner;
    private readonly Socket _socket;
    private readonly FrameReader _reader;
    private readonly FrameSender _sender;
    private readonly OwnerRequests _requests;
    private readonly SemaphoreSlim _pages = new(PagesMax, PagesMax);
    private readonly CancellationTokenSource _closing = new();
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public OwnerConnection(OwnerLink owner, Socket socket, long number)
    {
        _owner = owner;
        Number = number;
        _socket = socket;
        var stream = new NetworkStream(socket, ownsSocket: false);
        _reader = new FrameReader(PipeReader.Create(stream, SharingStream.ReaderOptions), SharingProtocol.HelloBytesMax);
        _sender = new FrameSender(stream);
        _requests = new OwnerRequests(_sender);
    }

    /// <summary>Ascends in the order in which connections come.</summary>
    public long Number { get; }

    /// <summary>The process; empty before its hello.</summary>
    public Guid Holder { get; private set; }

    /// <summary>Ends when no request is taken any more, and none is under way.</summary>
    public Task Idle => _idle.Task;

    /// <summary>Ends when the connection has.</summary>
    public Task Done => _done.Task;

    private EmbeddedStore Store => _owner.Store.Embedded;

    /// <summary>Serves until either side has enough.</summary>
    /// <param name="leaving">The owner leaves: no more requests, but the connection stays until it is closed.</param>
    public async Task RunAsync(CancellationToken leaving)
    {
        bool hasLease = false;
        try
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(leaving, _closing.Token);
            if (await ReadHelloAsync(stop.Token).ConfigureAwait(false) is not { } hello) return;
            Holder = hello.Incarnation;
            hasLease = await TryLeaseAsync(hello).ConfigureAwait(false);
            if (!hasLease) return;

            // Behind the lease, so that it does not end between the two.
            if (!await _owner.TrySupersedeAsync(this, hello.Incarnation).ConfigureAwait(false)) return;
            SendWelcome();
            await ServeAsync(stop.Token).ConfigureAwait(false);
        }
        catch (Exception end) when (IsEnd(end))
        {
            // The process has gone or speaks something else, or one of both leaves.
        }
        finally
        {
            await _requests.EndAsync().ConfigureAwait(false);
            _idle.TrySetResult();
            await EndAsync(hasLease, leaving).ConfigureAwait(false);
            _done.TrySetResult();
        }
    }

    /// <summary>Ends the connection, whatever is under way.</summary>
    public void Close()
    {
        _closing.Cancel();
        _sender.Close();
        _socket.Dispose();
    }

    private static bool IsEnd(Exception end) => end is IOException or InvalidDataException or OperationCanceledException
        or ObjectDisposedException or DatabaseReadOnlyException or SocketException;

    private async Task EndAsync(bool hasLease, CancellationToken leaving)
    {
        // An owner that leaves keeps the connection until its database is closed: see OwnerLink.
        if (leaving.IsCancellationRequested && hasLease && !_closing.IsCancellationRequested)
            await Task.Delay(Timeout.Infinite, _closing.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Close();
        _reader.Dispose();
        try
        {
            if (hasLease) await _owner.LeaseKeeper.RemoveAsync(Holder).ConfigureAwait(false);
        }
        catch (Exception failure) when (IsEnd(failure))
        {
            // The row stays; the next owner removes it.
        }
    }

    private async Task<Hello?> ReadHelloAsync(CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(HelloTime);
        Frame frame;
        while (!_reader.TryTake(out frame))
        {
            if (!await _reader.FillAsync(limit.Token).ConfigureAwait(false)) return null;
        }

        Hello? hello = frame.Kind == FrameKind.Hello ? StoreCodec.ReadHello(frame.Body.Span) : null;
        if (hello is null || hello.Version == SharingProtocol.Version) return hello;
        _sender.Send(FrameKind.Refusal, frame.Request, SharingProtocol.Version, static (body, version) => body.Number(version));
        return null;
    }

    private async Task<bool> TryLeaseAsync(Hello hello)
    {
        try
        {
            await _owner.LeaseKeeper.AddAsync(hello.Incarnation, hello.ProcessId).ConfigureAwait(false);
            return true;
        }
        catch (Exception failure) when (failure is IOException or DatabaseReadOnlyException)
        {
            _requests.TrySendFailure(0, failure);
            return false;
        }
    }

    private void SendWelcome()
    {
        Database database = _owner.Store.Database;
        int requestBytesMax = SharingProtocol.RequestBytesMax(database.Limits);
        var welcome = new Welcome(
            SharingProtocol.Version, database.Id, _owner.Incarnation, Environment.ProcessId, requestBytesMax);
        _reader.FrameBytesMax = requestBytesMax;
        _sender.Send(FrameKind.Welcome, 0, welcome, StoreCodec.WriteWelcome);
    }

    private async Task ServeAsync(CancellationToken stop)
    {
        while (true)
        {
            bool hasAll = HandleBuffered();
            await _sender.WaitForRoomAsync().WaitAsync(stop).ConfigureAwait(false);
            await _requests.WaitForRoomAsync(stop).ConfigureAwait(false);
            if (hasAll && !await _reader.FillAsync(stop).ConfigureAwait(false)) return;
        }
    }

    /// <summary>Handles what has come; false where the rest of it has to wait for room.</summary>
    private bool HandleBuffered()
    {
        // Answers to requests that came together go together.
        _sender.Pause();
        try
        {
            while (_reader.TryTake(out Frame frame))
            {
                if (!TryHandle(frame)) throw new InvalidDataException($"A frame {frame.Kind} that cannot be.");
                if (!_requests.HasRoom || !_sender.HasRoom) return false;
            }

            return true;
        }
        finally
        {
            _sender.Resume();
        }
    }

    /// <summary>False: the frame is malformed, or none that a client sends.</summary>
    private bool TryHandle(in Frame frame)
    {
        switch (frame.Kind)
        {
            case FrameKind.Get:
                return TryGet(frame);
            case FrameKind.Range:
                return StoreCodec.ReadRange(frame.Body.Span) is { } range
                    && _requests.TryBegin(frame.Request, (this, range), AnswerRangeAsync);
            case FrameKind.Write:
                return TryWrite(frame);
            case FrameKind.Feed:
                return TryFeed(frame);
            case FrameKind.Maps:
                return frame.Body.IsEmpty && _requests.TryBegin(frame.Request, Store, static async (store, sender, request, cancellation) =>
                    sender.Send(FrameKind.MapNames, request, await store.ListMapsAsync(cancellation).ConfigureAwait(false),
                        StoreCodec.WriteNames));
            case FrameKind.Ping:
                _sender.Send(FrameKind.Pong, frame.Request);
                return frame.Body.IsEmpty;
            case FrameKind.Cancel:
                _requests.Find(frame.Request)?.Cancel();
                return frame.Body.IsEmpty;
            case FrameKind.Credit:
                return TryAddCredit(frame);
            default:
                return false;
        }
    }

    private bool TryGet(in Frame frame)
    {
        var reader = new BodyReader(frame.Body.Span);
        string map = reader.Text();
        if (reader.HasFailed) return false;
        ReadOnlyMemory<byte> key = frame.Body[reader.Position..];
        uint request = frame.Request;
        ValueTask<byte[]?> value;
        try
        {
            value = Store.GetAsync(map, key);
        }
        catch (Exception failure) when (OwnerRequests.IsAnswer(failure))
        {
            _sender.Send(FrameKind.Failure, request, failure, FailureCodec.Write);
            return true;
        }

        // What is in memory is there at once, and most is.
        if (value.IsCompletedSuccessfully)
        {
            SendValue(_sender, request, value.Result);
            return true;
        }

        return _requests.TryBegin(request, value.AsTask(), static async (read, sender, request, cancellation) =>
            SendValue(sender, request, await read.WaitAsync(cancellation).ConfigureAwait(false)));
    }

    /// <summary>Pages are large: few of one process are in memory at a time.</summary>
    private static async Task AnswerRangeAsync(
        (OwnerConnection Connection, StoreRange Range) asked, FrameSender sender, uint request, CancellationToken cancellation)
    {
        SemaphoreSlim pages = asked.Connection._pages;
        await pages.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            StorePage page = await asked.Connection.Store.ReadRangeAsync(asked.Range, cancellation).ConfigureAwait(false);
            await sender.WaitForRoomAsync().WaitAsync(cancellation).ConfigureAwait(false);
            sender.Send(FrameKind.Page, request, page, StoreCodec.WritePage);
        }
        finally
        {
            pages.Release();
        }
    }

    private static void SendValue(FrameSender sender, uint request, byte[]? value)
    {
        if (value is null) sender.Send(FrameKind.Absent, request);
        else sender.Send(FrameKind.Value, request, value, static (body, bytes) => body.Rest(bytes));
    }

    private bool TryWrite(in Frame frame)
    {
        if (StoreCodec.ReadBatch(frame.Body) is not { } write) return false;
        if (write.Attempt.IsAgain && write.Attempt.Id == Guid.Empty) return false;
        return _requests.TryBegin(frame.Request, (_owner.Store, write), static async (state, sender, request, cancellation) =>
        {
            // Up to its first wait this runs before the next frame is taken: by then the batch is copied.
            ValueTask<StoreOutcome> written = state.Store.WriteAsync(state.write.Batch, state.write.Attempt, cancellation);
            sender.Send(FrameKind.Outcome, request, await written.ConfigureAwait(false), StoreCodec.WriteOutcome);
        });
    }

    private bool TryFeed(in Frame frame) => StoreCodec.ReadFeed(frame.Body.Span) is { } feed
        && _requests.TryBeginFeed(frame.Request, (_owner.Store, feed), static async (state, request, sender, number, cancellation) =>
        {
            await foreach (FeedItem item in state.Store.ReadChangesAsync(state.feed, cancellation).ConfigureAwait(false))
            {
                await sender.WaitForRoomAsync().WaitAsync(cancellation).ConfigureAwait(false);
                if (item.Batch is { } batch)
                {
                    await request.WaitForCreditAsync(cancellation).ConfigureAwait(false);
                    sender.Send(FrameKind.Changes, number, (batch, request), static (body, shown) =>
                    {
                        int start = body.Length;
                        StoreCodec.WriteChanges(body, shown.batch);
                        shown.request.TakeCredit(body.Length - start);
                    });
                }
                else
                {
                    sender.Send(FrameKind.Position, number, item.Position, static (body, position) => body.Number(position));
                }
            }
        });

    private bool TryAddCredit(in Frame frame)
    {
        var reader = new BodyReader(frame.Body.Span);
        int bytes = reader.Count();
        if (!reader.IsWhole || bytes > SharingProtocol.AnswerBytesMax) return false;
        _requests.Find(frame.Request)?.AddCredit(bytes);
        return true;
    }
}
