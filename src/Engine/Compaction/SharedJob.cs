using System.Runtime.ExceptionServices;
using Varve.Diagnostics;
using Varve.Runtime;

namespace Varve.Compaction;

/// <summary>
/// A compaction whose parts several threads write: its owner, and whoever has nothing else to do. The first part that fails ends the
/// others. Safe for concurrent use.
/// </summary>
internal sealed class SharedJob(CompactionJob job, Scheduler scheduler, CancellationToken stopping) : IDisposable
{
    private readonly EngineLock _partsGuard = scheduler.CreateLock("compaction parts");
    private readonly EngineSignal _partDone = scheduler.CreateSignal("compaction part done");
    private readonly CancellationTokenSource _ending = CancellationTokenSource.CreateLinkedTokenSource(stopping);
    private int _taken;
    private int _running;
    private Exception? _failure;

    /// <summary>Takes a part, to be given to <see cref="Write"/>; false when none is left to take.</summary>
    public bool TryTake(out int part)
    {
        using (_partsGuard.Hold())
        {
            part = _taken;
            if (_failure is not null || _taken == job.PartCount) return false;
            _taken++;
            _running++;
            return true;
        }
    }

    /// <summary>Writes a part. What goes wrong is the owner's to hear.</summary>
    public void Write(int part)
    {
        Exception? failure = null;
        try
        {
            job.WritePart(part, _ending.Token);
        }
        catch (Exception exception)
        {
            failure = exception;
            _ending.Cancel();
        }

        using (_partsGuard.Hold())
        {
            // A part that was ended because another one failed says nothing.
            if (failure is not null && (_failure is null || failure is not OperationCanceledException)) _failure = failure;
            _running--;
        }

        _partDone.Set();
    }

    /// <summary>For the owner, once no part is left to take: returns when all have been written, throws what one of them threw.</summary>
    public void WaitForParts()
    {
        while (true)
        {
            using (_partsGuard.Hold())
            {
                if (_running == 0) break;
            }

            _partDone.Wait();
        }

        if (_failure is { } failure) ExceptionDispatchInfo.Throw(failure);
        Invariant.Holds(_taken == job.PartCount);
    }

    public void Dispose() => _ending.Dispose();
}
