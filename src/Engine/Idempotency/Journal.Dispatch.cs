using Varve.Sharing;

namespace Varve.Idempotency;

// Runs whose work another process does: begun and ended by the dispatcher, worked on by whoever it names them to.
public sealed partial class Journal
{
    /// <summary>
    /// Takes part in a run that another process has begun and will end: its guards and maps are there, and write on the condition that the
    /// invocation is still that run's. For a worker to which a dispatcher names <see cref="Invocation.Id"/> and
    /// <see cref="Invocation.Epoch"/>.
    /// </summary>
    /// <remarks>The one that has begun it says so by <see cref="InvocationContext.Share"/>.</remarks>
    /// <param name="id">The invocation.</param>
    /// <param name="epoch">The run.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>
    /// The run, to be left by <see cref="InvocationContext.Detach"/>; null where the invocation is not that run's any more, or never was.
    /// </returns>
    public async ValueTask<InvocationContext?> AttachAsync(Guid id, long epoch, CancellationToken cancellation = default)
    {
        if (await LoadRequestAsync(id, cancellation).ConfigureAwait(false) is not { } request) return null;
        StoredState? state = await LoadStateAsync(id, cancellation).ConfigureAwait(false);
        if (state?.Pending is not { State: InvocationState.Running } pending || pending.Counts.Epoch != epoch) return null;
        InvocationSteps steps = await LoadStepsAsync(id, cancellation).ConfigureAwait(false);
        return new InvocationContext(this, id, request, pending, steps) { IsAttached = true };
    }

    /// <summary>
    /// From a run of this process whose work was cut short elsewhere, because the process that did it has ended, to the next one: as
    /// <see cref="RecoverAsync"/> does it behind the end of a process that had begun a run itself.
    /// </summary>
    /// <param name="cutShort">The run; it has ended then, and whatever still writes for it is refused.</param>
    /// <param name="rowsAtEnd">Rows of the caller's for the batch that ends the invocation, where it is ended; null: none.</param>
    /// <returns>
    /// The next run, counted durably, that the caller is to make. Null: there is none. It has been ended here, as
    /// <see cref="InvocationState.Stopped"/> because it is not to be run again, or as <see cref="InvocationState.Dead"/> after
    /// <see cref="JournalOptions.RecoveriesMax"/> recoveries; or by somebody else, before.
    /// </returns>
    /// <exception cref="InvalidOperationException">The run is another process's: <see cref="InvocationContext.IsAttached"/>.</exception>
    public async ValueTask<InvocationContext?> RunAgainAsync(
        InvocationContext cutShort, Func<InvocationState, IReadOnlyList<StoreOperation>>? rowsAtEnd = null)
    {
        ArgumentNullException.ThrowIfNull(cutShort);
        cutShort.ThrowIfAttached();
        RunCounts counts = cutShort.Pending.Counts;
        if (EndInsteadOfRun(cutShort.Recovery, counts) is { } end)
        {
            await TryEndAsync(cutShort, end, isError: true, default, rowsAtEnd?.Invoke(end)).ConfigureAwait(false);
            cutShort.Lose();
            return null;
        }

        PendingRow pending = RunningAs(counts.Recovered);
        bool isWritten = await TryWriteAsync(
            cutShort,
            [StoreOperation.Put(InternalMaps.Invocations, JournalKeys.Pending(cutShort.Id), pending.Encode())]).ConfigureAwait(false);
        if (!isWritten)
        {
            cutShort.Lose();
            return null;
        }

        // The steps behind that write: until then one of the run before could still come, and from now on none can.
        cutShort.Supersede();
        try
        {
            InvocationSteps steps = await LoadStepsAsync(cutShort.Id, CancellationToken.None).ConfigureAwait(false);
            return Run(new InvocationContext(cutShort, pending, steps));
        }
        catch
        {
            cutShort.EndSuperseded();
            throw;
        }
    }

    /// <summary>About what the rows of a run's steps take, also of those that another process has written.</summary>
    private async ValueTask<long> StepBytesOfAsync(InvocationContext context) => context.IsShared
        ? (await LoadStepsAsync(context.Id, CancellationToken.None).ConfigureAwait(false)).Bytes
        : context.StepBytes;
}
