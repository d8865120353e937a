using System.Collections.Concurrent;

namespace Varve.Simulation;

/// <summary>
/// Operating-system threads that run one body after another: starting a new one costs more than most simulated threads do.
/// </summary>
internal static class SimulationThreads
{
    private static readonly ConcurrentStack<Idle> IdleThreads = new();

    /// <summary>Runs the body on an idle thread, or on a new one.</summary>
    public static void Run(string name, Action body)
    {
        if (!IdleThreads.TryPop(out Idle? idle))
        {
            idle = new Idle();
            new Thread(idle.RunForEver) { IsBackground = true, Name = name }.Start();
        }

        idle.Give(body);
    }

    private sealed class Idle
    {
        private readonly SemaphoreSlim _given = new(0);
        private Action? _body;

        public void Give(Action body)
        {
            _body = body;
            _given.Release();
        }

        public void RunForEver()
        {
            while (true)
            {
                _given.Wait();
                _body!();
                _body = null;
                IdleThreads.Push(this);
            }
        }
    }
}
