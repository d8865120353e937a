namespace Varve.Sharing;

/// <summary>A request that a process has sent to the owner, until it is answered.</summary>
internal abstract class PeerCall
{
    /// <summary>False for those that may wait for ever.</summary>
    public virtual bool IsDue => true;

    /// <summary>False: that is no answer to it.</summary>
    public abstract bool TryAnswer(in Frame frame);

    public abstract void Fail(Exception failure);
}

/// <summary>One that is answered once.</summary>
/// <param name="kind">The kind of the answer.</param>
/// <param name="read">Makes the result of its body; null: it is malformed.</param>
internal sealed class PeerCall<T>(FrameKind kind, Func<ReadOnlyMemory<byte>, T?> read) : PeerCall
    where T : class
{
    private readonly TaskCompletionSource<T?> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<T?> Result => _result.Task;

    public override bool TryAnswer(in Frame frame)
    {
        if (frame.Kind == FrameKind.Absent && kind == FrameKind.Value)
        {
            _result.TrySetResult(null);
            return frame.Body.IsEmpty;
        }

        if (frame.Kind != kind || read(frame.Body) is not { } result) return false;
        _result.TrySetResult(result);
        return true;
    }

    public override void Fail(Exception failure) => _result.TrySetException(failure);

    public void Cancel(CancellationToken cancellation) => _result.TrySetCanceled(cancellation);
}
