using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Varve.Bytes;

namespace Varve.Sharing;

/// <summary>A connection to the process that has the database open.</summary>
internal sealed class PeerLink : IStoreLink
{
    private const int FeedCreditBytes = SharingProtocol.FeedWindowBytes / 4;

    private readonly Socket _socket;
    private readonly FrameReader _reader;
    private readonly FrameSender _sender;
    private readonly TimeSpan _timeout;
    private readonly Durability _durability;
    private readonly SilenceWatch _silence;
    private readonly ConcurrentDictionary<uint, PeerCall> _calls = new();
    private readonly CancellationTokenSource _closing = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _receiving = Task.CompletedTask;
    private Welcome? _welcome;
    private uint _lastRequest;
    private volatile Exception? _loss;

    private PeerLink(Socket socket, SharedStoreOptions options)
    {
        _socket = socket;
        _timeout = options.OwnerTimeout;
        _durability = options.Database.Durability;
        var stream = new NetworkStream(socket, ownsSocket: false);
        _reader = new FrameReader(PipeReader.Create(stream, SharingStream.ReaderOptions), SharingProtocol.AnswerBytesMax);
        _sender = new FrameSender(stream);
        _silence = new SilenceWatch(
            _timeout, IsAwaited, ping: () => TrySend(FrameKind.Ping, 0), giveUp: () => FailCalls(Mute(), dueOnly: true));
    }

    public Task Ended => _ended.Task;

    public int OwnerProcessId => _welcome!.OwnerProcessId;

    public Guid Owner => _welcome!.Owner;

    public DatabaseId Database => _welcome!.Database;

    /// <summary>Connects to a socket; null: nobody listens there.</summary>
    /// <param name="path">The socket.</param>
    /// <param name="options">Name, timeout, and default durability.</param>
    /// <param name="greeting">Told who listens, as what is to be said of it if it does not answer.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="StoreOwnerException">Somebody does, but does not answer, or refuses.</exception>
    public static async Task<PeerLink?> TryConnectAsync(
        string path, SharedStoreOptions options, Action<StoreOwnerException> greeting, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        PeerLink? link = null;
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation).ConfigureAwait(false);
            if (!PeerIdentity.IsSameUser(socket)) throw new StoreOwnerException($"'{path}' is served by another user.", 0);
            link = new PeerLink(socket, options);
            greeting(link.Mute());
            if (await link.TryGreetAsync(options.Incarnation, cancellation).ConfigureAwait(false)) return link;
        }
        catch (SocketException)
        {
            // No such file, or one that a dead owner has left.
        }
        catch
        {
            await CloseAsync(socket, link).ConfigureAwait(false);
            throw;
        }

        await CloseAsync(socket, link).ConfigureAwait(false);
        return null;
    }

    public async ValueTask<byte[]?> GetAsync(string map, ReadOnlyMemory<byte> key, CancellationToken cancellation)
    {
        Limits.CheckKey(key.Span);
        var call = new PeerCall<byte[]>(FrameKind.Value, static body => body.ToArray());
        return await AskAsync(call, FrameKind.Get, (map, key), static (body, asked) =>
        {
            body.Text(asked.map);
            body.Rest(asked.key.Span);
        }, cancellation).ConfigureAwait(false);
    }

    public async ValueTask<StorePage> ReadRangeAsync(StoreRange range, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(range);
        range.Validate();
        Limits.CheckKey(range.Start.Span);
        Limits.CheckKey(range.End.Span);

        // The body's memory becomes the page's own.
        var call = new PeerCall<StorePage>(FrameKind.Page, static body => StoreCodec.ReadPage(body.ToArray()));
        return (await AskAsync(call, FrameKind.Range, range, StoreCodec.WriteRange, cancellation).ConfigureAwait(false))!;
    }

    public async ValueTask<StoreOutcome> WriteAsync(
        StoreBatch batch, BatchAttempt attempt, SentFlag sent, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(batch);
        cancellation.ThrowIfCancellationRequested();
        await WaitForRoomAsync(cancellation).ConfigureAwait(false);

        // The default level is that of this process, whoever is the owner.
        if (batch.Durability is null)
            batch = new StoreBatch { Conditions = batch.Conditions, Operations = batch.Operations, Durability = _durability };
        var call = new PeerCall<object>(FrameKind.Outcome, static body => StoreCodec.ReadOutcome(body.Span));
        uint request = Add(call);
        try
        {
            _sender.Send(FrameKind.Write, request, (batch, attempt), StoreCodec.WriteBatch);
        }
        catch
        {
            _calls.TryRemove(request, out _);
            throw;
        }

        // From here on it may happen: a cancellation asks the owner to take it back, and what comes of that is its answer.
        sent.IsSet = true;
        using CancellationTokenRegistration registration = cancellation.Register(() => TrySend(FrameKind.Cancel, request));
        try
        {
            return (StoreOutcome)(await call.Result.ConfigureAwait(false))!;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellation);
        }
    }

    public async IAsyncEnumerable<FeedItem> ReadChangesAsync(StoreFeed feed, [EnumeratorCancellation] CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var call = new PeerFeed();
        uint request = Add(call);
        try
        {
            _sender.Send(FrameKind.Feed, request, feed, StoreCodec.WriteFeed);
            int readBytes = 0;
            await foreach ((FeedItem item, int bytes) in call.Items.ReadAllAsync(cancellation).ConfigureAwait(false))
            {
                readBytes += bytes;
                if (readBytes >= FeedCreditBytes)
                {
                    TrySend(FrameKind.Credit, request, readBytes);
                    readBytes = 0;
                }

                yield return item;
            }
        }
        finally
        {
            if (_calls.TryRemove(request, out _)) TrySend(FrameKind.Cancel, request);
        }
    }

    public async ValueTask<IReadOnlyList<string>> ListMapsAsync(CancellationToken cancellation)
    {
        var call = new PeerCall<IReadOnlyList<string>>(FrameKind.MapNames, static body => StoreCodec.ReadNames(body.Span));
        return (await AskAsync(call, FrameKind.Maps, 0, static (_, _) => { }, cancellation).ConfigureAwait(false))!;
    }

    public async ValueTask DisposeAsync()
    {
        Lose(new IOException("The store was closed."));
        await _receiving.ConfigureAwait(false);
        await _silence.DisposeAsync().ConfigureAwait(false);
    }

    private static async ValueTask CloseAsync(Socket socket, PeerLink? link)
    {
        socket.Dispose();
        if (link is not null) await link.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>False: the owner has gone meanwhile.</summary>
    private async Task<bool> TryGreetAsync(Guid incarnation, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(_timeout);
        try
        {
            _sender.Send(
                FrameKind.Hello, 0, new Hello(SharingProtocol.Version, incarnation, Environment.ProcessId), StoreCodec.WriteHello);
            Frame frame;
            while (!_reader.TryTake(out frame))
            {
                if (!await _reader.FillAsync(limit.Token).ConfigureAwait(false)) return false;
            }

            _welcome = ReadWelcome(frame);
        }
        catch (IOException loss) when (loss is ConnectionLostException || loss.InnerException is SocketException)
        {
            return false;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw Mute();
        }

        _sender.FrameBytesMax = _welcome.RequestBytesMax;
        _receiving = ReceiveAsync();
        return true;
    }

    private static Welcome ReadWelcome(in Frame frame)
    {
        if (frame.Kind == FrameKind.Welcome && StoreCodec.ReadWelcome(frame.Body.Span) is { } welcome) return welcome;
        if (frame.Kind == FrameKind.Failure && FailureCodec.Read(frame.Body.Span) is { } failure)
            throw new StoreOwnerException("The owner of the database takes no other process in: " + failure.Message, 0, failure);
        if (frame.Kind != FrameKind.Refusal) throw new StoreOwnerException("The owner of the database speaks another protocol.", 0);
        var reader = new BodyReader(frame.Body.Span);
        throw new StoreOwnerException(
            $"The owner of the database speaks version {reader.Number()} of the protocol; this process {SharingProtocol.Version}.", 0);
    }

    private async Task<T?> AskAsync<T, TContent>(
        PeerCall<T> call, FrameKind kind, TContent content, Action<FrameBuffer, TContent> write, CancellationToken cancellation)
        where T : class
    {
        cancellation.ThrowIfCancellationRequested();
        await WaitForRoomAsync(cancellation).ConfigureAwait(false);
        uint request = Add(call);
        try
        {
            _sender.Send(kind, request, content, write);
            if (!cancellation.CanBeCanceled) return await call.Result.ConfigureAwait(false);
            using CancellationTokenRegistration registration = cancellation.Register(() => call.Cancel(cancellation));
            return await call.Result.ConfigureAwait(false);
        }
        finally
        {
            // Still there: nobody waits for the answer any more.
            if (_calls.TryRemove(request, out _) && call.Result.IsCanceled) TrySend(FrameKind.Cancel, request);
        }
    }

    private Task WaitForRoomAsync(CancellationToken cancellation)
    {
        Task room = _sender.WaitForRoomAsync();
        return room.IsCompleted ? room : WaitAsync();

        async Task WaitAsync()
        {
            try
            {
                await room.WaitAsync(_timeout, cancellation).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                throw Mute();
            }
        }
    }

    private uint Add(PeerCall call)
    {
        // Numbers come round again; a feed may have kept its own that long.
        uint request;
        do request = Interlocked.Increment(ref _lastRequest);
        while (!_calls.TryAdd(request, call));

        // Added first, looked at second: whoever loses the connection does it the other way round.
        if (_loss is { } loss)
        {
            _calls.TryRemove(request, out _);
            throw new ConnectionLostException(loss);
        }

        if (call.IsDue) _silence.Await();
        return request;
    }

    private void TrySend(FrameKind kind, uint request, int? number = null)
    {
        try
        {
            _sender.Send(kind, request, number, static (body, number) =>
            {
                if (number is { } value) body.Number(value);
            });
        }
        catch (ConnectionLostException)
        {
            // Then there is nothing to be told.
        }
    }

    private async Task ReceiveAsync()
    {
        Exception? cause = null;
        try
        {
            do
            {
                while (_reader.TryTake(out Frame frame)) Receive(frame);
            }
            while (await _reader.FillAsync(_closing.Token).ConfigureAwait(false));
        }
        catch (Exception loss) when (loss is IOException or InvalidDataException or OperationCanceledException or ObjectDisposedException)
        {
            cause = loss;
        }

        Lose(cause ?? new IOException("The owner has closed the connection."));
        _reader.Dispose();
    }

    private void Receive(in Frame frame)
    {
        _silence.Hear();
        if (frame.Kind == FrameKind.Pong) return;
        if (frame.Kind == FrameKind.Failure)
        {
            Exception failure = FailureCodec.Read(frame.Body.Span) ?? throw new InvalidDataException("A failure that cannot be read.");
            if (_calls.TryRemove(frame.Request, out PeerCall? failed)) failed.Fail(failure);
            return;
        }

        // Those that were cancelled are answered all the same, now and then.
        if (!_calls.TryGetValue(frame.Request, out PeerCall? call)) return;
        if (call.IsDue) _calls.TryRemove(frame.Request, out _);
        if (call.TryAnswer(frame)) return;
        call.Fail(new ConnectionLostException());
        throw new InvalidDataException($"A frame {frame.Kind} that cannot be.");
    }

    private void Lose(Exception cause)
    {
        _loss ??= cause;
        _sender.Close(cause);
        _closing.Cancel();
        _socket.Dispose();
        FailCalls(new ConnectionLostException(cause), dueOnly: false);
        _ended.TrySetResult();
    }

    private void FailCalls(Exception failure, bool dueOnly)
    {
        foreach ((uint request, PeerCall call) in _calls)
        {
            if (dueOnly && !call.IsDue) continue;
            if (_calls.TryRemove(request, out _)) call.Fail(failure);
        }
    }

    /// <summary>Whether calls wait for the owner that do not wait for ever; a connection that has ended has none.</summary>
    private bool IsAwaited() => _loss is null && _calls.Values.Any(call => call.IsDue);

    private StoreOwnerException Mute()
    {
        int owner = _welcome?.OwnerProcessId ?? PeerIdentity.ProcessOf(_socket);
        string name = owner == 0 ? "The owner of the database" : $"Process {owner}, which has the database open,";
        return new StoreOwnerException($"{name} has not answered for {_timeout.TotalSeconds:0.#} s.", owner);
    }
}
