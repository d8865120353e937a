using System.Threading.RateLimiting;

namespace Varve.Mcp.Calls;

/// <summary>
/// The right to be one of the calls that run at the same time. It is given back when its caller has left and its tool has ended: the
/// journal lets a tool go on whose caller is gone.
/// </summary>
/// <param name="lease">Null: somebody else keeps the limit.</param>
internal sealed class CallPermit(RateLimitLease? lease)
{
    private int _users = 1;

    public bool IsAcquired => lease?.IsAcquired != false;

    public void Enter() => Interlocked.Increment(ref _users);

    public void Leave()
    {
        if (Interlocked.Decrement(ref _users) == 0) lease?.Dispose();
    }
}
