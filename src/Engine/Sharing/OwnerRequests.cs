using Varve.Diagnostics;

namespace Varve.Sharing;

/// <summary>What one process has asked the owner for and has no answer to yet, by the numbers that it gave.</summary>
internal sealed class OwnerRequests(FrameSender sender)
{
    private const int RequestsMax = 64;
    private const int FeedsMax = 1_024;

    private readonly SemaphoreSlim _room = new(RequestsMax, RequestsMax);
    private readonly Lock _guard = new();
    private readonly Dictionary<uint, OwnerRequest> _requests = [];
    private int _feeds;

    /// <summary>Answers a request.</summary>
    public delegate Task Answer<in T>(T state, FrameSender sender, uint number, CancellationToken cancellation);

    /// <summary>Answers a feed, as long as there is credit.</summary>
    public delegate Task AnswerFeed<in T>(T state, OwnerRequest request, FrameSender sender, uint number, CancellationToken cancellation);

    /// <summary>False where no further request is to be begun just now.</summary>
    public bool HasRoom => _room.CurrentCount > 0;

    public static bool IsAnswer(Exception failure) => failure is not (ObjectDisposedException or ConnectionLostException);

    public async Task WaitForRoomAsync(CancellationToken cancellation)
    {
        await _room.WaitAsync(cancellation).ConfigureAwait(false);
        _room.Release();
    }

    public OwnerRequest? Find(uint number)
    {
        lock (_guard) return _requests.GetValueOrDefault(number);
    }

    /// <summary>False: the number is that of a request under way.</summary>
    public bool TryBegin<T>(uint number, T state, Answer<T> answer)
    {
        var request = new OwnerRequest(isFeed: false);
        if (!TryAdd(number, request)) return false;

        // There is room: who hands frames in stops when there is none.
        bool isIn = _room.Wait(0);
        Invariant.Holds(isIn);
        _ = RunAsync(request, number, state, answer);
        return true;
    }

    /// <summary>As <see cref="TryBegin"/>; of feeds there is room for others, and one too many is answered with a failure.</summary>
    public bool TryBeginFeed<T>(uint number, T state, AnswerFeed<T> answer)
    {
        var request = new OwnerRequest(isFeed: true);
        if (!TryAdd(number, request)) return false;
        _ = RunFeedAsync(request, number, state, answer);
        return true;
    }

    public void TrySendFailure(uint number, Exception failure)
    {
        try
        {
            sender.Send(FrameKind.Failure, number, failure, FailureCodec.Write);
        }
        catch (ConnectionLostException)
        {
            // Nobody is there to be told.
        }
    }

    /// <summary>Feeds are cut short, unanswered; what else is under way is waited for, and answered.</summary>
    public async Task EndAsync()
    {
        OwnerRequest[] requests;
        lock (_guard) requests = [.. _requests.Values];
        foreach (OwnerRequest request in requests)
        {
            if (request.IsFeed) request.Drop();
        }

        await Task.WhenAll(requests.Select(request => request.Ended)).ConfigureAwait(false);
    }

    private bool TryAdd(uint number, OwnerRequest request)
    {
        lock (_guard) return _requests.TryAdd(number, request);
    }

    private async Task RunAsync<T>(OwnerRequest request, uint number, T state, Answer<T> answer)
    {
        try
        {
            await AnswerAsync(request, number, answer(state, sender, number, request.Cancellation)).ConfigureAwait(false);
        }
        finally
        {
            _room.Release();
        }
    }

    private async Task RunFeedAsync<T>(OwnerRequest request, uint number, T state, AnswerFeed<T> answer)
    {
        try
        {
            Task answering = Interlocked.Increment(ref _feeds) <= FeedsMax
                ? answer(state, request, sender, number, request.Cancellation)
                : Task.FromException(new InvalidOperationException($"A process may read {FeedsMax:N0} feeds of the owner at a time."));
            await AnswerAsync(request, number, answering).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _feeds);
        }
    }

    private async Task AnswerAsync(OwnerRequest request, uint number, Task answering)
    {
        try
        {
            await answering.ConfigureAwait(false);
        }
        catch (Exception failure) when (IsAnswer(failure) && !request.IsDropped)
        {
            TrySendFailure(number, failure);
        }
        catch (Exception failure) when (!IsAnswer(failure) || request.IsDropped)
        {
            // The owner leaves, or the other process has gone: without an answer it asks again, whoever the owner is then.
        }
        finally
        {
            lock (_guard) _requests.Remove(number);
            request.End();
        }
    }
}
