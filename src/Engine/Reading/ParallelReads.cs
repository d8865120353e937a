using System.Runtime.ExceptionServices;
using Varve.Runtime;

namespace Varve.Reading;

/// <summary>
/// Reads that go on beside each other: the caller takes one after the other, and reader threads take others meanwhile. Reused; one caller
/// at a time.
/// </summary>
internal abstract class ParallelReads(ReaderThreads readers) : ReadJob
{
    private readonly EngineSignal _done = readers.CreateSignal();
    private int _next;
    private int _count;
    private Exception? _failure;

    /// <summary>Does the reads from 0 to <paramref name="count"/> - 1; returns when all have ended.</summary>
    /// <exception cref="Exception">What one of them has thrown.</exception>
    protected void ReadAll(int count)
    {
        _next = 0;
        _count = count;
        _failure = null;
        int helpers = Math.Min(count - 1, ReaderThreads.CountMax);
        bool isHelped = helpers > 0 && readers.TryPost(this, helpers);
        Run();
        if (isHelped) readers.Withdraw(this, _done);
        if (_failure is not null) ExceptionDispatchInfo.Throw(_failure);
    }

    public sealed override void Run()
    {
        while (true)
        {
            int index = Interlocked.Increment(ref _next) - 1;
            if (index >= _count) return;
            try
            {
                Read(index);
            }
            catch (Exception failure)
            {
                // Thrown again on the caller's thread.
                Interlocked.CompareExchange(ref _failure, failure, null);
            }
        }
    }

    protected abstract void Read(int index);
}
