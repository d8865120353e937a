namespace Varve.Reading;

/// <summary>A get that somebody awaits while a reader thread does it. Owns its pin of the view from the moment it is posted.</summary>
internal sealed class AsyncGet(ReadView view, ReadOnlySpan<byte> fullKey, ReadMoment moment) : ReadJob
{
    private readonly byte[] _key = fullKey.ToArray();
    private readonly TaskCompletionSource<byte[]?> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The value, or null when the key is absent.</summary>
    public Task<byte[]?> GetTask(CancellationToken cancellation)
    {
        Task<byte[]?> task = _completion.Task;
        if (!cancellation.CanBeCanceled) return task;
        CancellationTokenRegistration registration = cancellation.Register(() => _completion.TrySetCanceled(cancellation));
        task.ContinueWith(
            static (_, state) => ((CancellationTokenRegistration)state!).Dispose(), registration, CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        return task;
    }

    public override void Run()
    {
        try
        {
            if (!_completion.Task.IsCompleted) _completion.TrySetResult(Read());
        }
        catch (Exception failure)
        {
            _completion.TrySetException(failure);
        }
        finally
        {
            view.Release();
        }
    }

    private byte[]? Read()
    {
        if (!PointLookup.TryFind(view, _key, moment.Sequence, out FoundEntry found)) return null;
        try
        {
            if (found.IsAbsent(moment)) return null;
            byte[] value = GC.AllocateUninitializedArray<byte>(found.Length);
            found.CopyTo(value);
            return value;
        }
        finally
        {
            found.Dispose();
        }
    }
}
