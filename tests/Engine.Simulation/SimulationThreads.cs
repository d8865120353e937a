using System.Collections.Concurrent;

namespace Varve.Simulation;

/// <summary>
/// Operating-system threads that run one body after another: starting a new one costs more than most simulated threads do.
/// </summary>
internal static class SimulationThreads
{
    private static readonly ConcurrentStack<Idle> IdleThreads = new();

    /// <summary>An idle thread, or a new one, that will run the body once its baton is given to it.</summary>
    public static Baton Prepare(string name, Action body)
    {
        if (!IdleThreads.TryPop(out Idle? idle)) idle = new Idle(name);
        return idle.Prepare(body);
    }

    private sealed class Idle
    {
        private readonly TaskCompletionSource<Baton> _baton = new();
        private Action? _body;

        public Idle(string name) => new Thread(RunForEver) { IsBackground = true, Name = name }.Start();

        public Baton Prepare(Action body)
        {
            _body = body;
            return _baton.Task.Result;
        }

        private void RunForEver()
        {
            Baton baton = Baton.OfThread;
            _baton.SetResult(baton);
            while (baton.Take(Timeout.InfiniteTimeSpan))
            {
                Action body = _body!;
                _body = null;
                body();
                IdleThreads.Push(this);
            }
        }
    }
}
