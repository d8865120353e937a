namespace Varve.Sharing;

/// <summary>A request that the owner is about to answer; a feed among them has credit: bytes that its reader has room for.</summary>
internal sealed class OwnerRequest(bool isFeed)
{
    private readonly CancellationTokenSource _cancellation = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _creditGuard = new();
    private long _creditBytes = SharingProtocol.FeedWindowBytes;
    private TaskCompletionSource? _credit;

    public bool IsFeed { get; } = isFeed;

    /// <summary>Ends without an answer: whoever is the owner next goes on with it.</summary>
    public bool IsDropped { get; private set; }

    public CancellationToken Cancellation => _cancellation.Token;

    /// <summary>Ends when nothing of it is under way any more.</summary>
    public Task Ended => _ended.Task;

    public void Cancel() => _cancellation.Cancel();

    public void Drop()
    {
        IsDropped = true;
        Cancel();
    }

    public void End() => _ended.TrySetResult();

    public void AddCredit(int bytes)
    {
        lock (_creditGuard)
        {
            _creditBytes = Math.Min(_creditBytes + bytes, SharingProtocol.FeedWindowBytes);
            if (_creditBytes <= 0) return;
            _credit?.TrySetResult();
            _credit = null;
        }
    }

    /// <summary>May leave a debt: the next frame waits until it is paid.</summary>
    public void TakeCredit(int bytes)
    {
        lock (_creditGuard) _creditBytes -= bytes;
    }

    public Task WaitForCreditAsync(CancellationToken cancellation)
    {
        lock (_creditGuard)
        {
            if (_creditBytes > 0) return Task.CompletedTask;
            _credit ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _credit.Task.WaitAsync(cancellation);
        }
    }
}
