namespace Varve.Compaction;

// Compaction that somebody asks for and waits for.
internal sealed partial class CompactionWorkers
{
    private Request? _request;

    /// <summary>Compacts everything up to the sequence to the bottom level; returns when that is done or cannot be done.</summary>
    public void RunRequest(ulong sequence, CancellationToken cancellation)
    {
        var request = new Request(sequence);
        using CancellationTokenRegistration registration = cancellation.Register(_changes.Raise);
        _changes.WaitUntil(() =>
        {
            cancellation.ThrowIfCancellationRequested();
            using (_jobsGuard.Hold())
            {
                if (_request is not null) return false;
                _request = request;
                return true;
            }
        });
        Wake();
        try
        {
            _changes.WaitUntil(() =>
            {
                cancellation.ThrowIfCancellationRequested();
                ObjectDisposedException.ThrowIf(_stopping.IsCancellationRequested, typeof(Database));
                using (_jobsGuard.Hold())
                {
                    ThrowIfBroken();
                    if (request.Failure is { } failure) throw failure;
                    return request.IsDone;
                }
            });
        }
        finally
        {
            using (_jobsGuard.Hold()) _request = null;
            _changes.Raise();
        }
    }

    private sealed class Request(ulong sequence)
    {
        public ulong Sequence { get; } = sequence;

        public bool IsDone { get; set; }

        public Exception? Failure { get; set; }
    }
}
