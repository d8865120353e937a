using Varve.Commit;
using Varve.Runtime;

namespace Varve.Compaction;

/// <summary>
/// A thread that makes the log's next segment ready while the one before it fills: a new file is written and synced as a whole, and
/// no writer should wait for that. One that comes first all the same makes its segment itself.
/// </summary>
internal sealed class LogSpares(UpkeepContext context, UpkeepCounters counters)
{
    private readonly EngineSignal _wanted = context.Scheduler.CreateSignal("log spare wanted");
    private volatile bool _isStopping;
    private EngineThread? _thread;

    public void Start(CommitQueue commit)
    {
        _thread = context.Scheduler.StartThread("varve log", () => MakeUntilStopped(commit));
        commit.LogSpareWanted = _wanted.Set;
    }

    public void Stop()
    {
        _isStopping = true;
        _wanted.Set();
        _thread?.Join();
    }

    private void MakeUntilStopped(CommitQueue commit)
    {
        while (true)
        {
            _wanted.Wait();
            if (_isStopping) return;
            try
            {
                commit.EnsureLogSpare();
            }
            catch (StorageException)
            {
                // The writer that needs it will try again, and tell.
                counters.CountFailure();
            }
            catch (Exception bug)
            {
                counters.CountFailure();
                commit.Stop(bug);
                return;
            }
        }
    }
}
