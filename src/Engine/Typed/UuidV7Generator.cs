using System.Runtime.InteropServices;
using Varve.Runtime;

namespace Varve;

/// <summary>Makes UUIDs of version 7 that ascend strictly, also within a millisecond and when the clock is set back.</summary>
/// <remarks>
/// Behind the 48 bits of time stand 74 bits: random at the first id of a millisecond, and with each further one greater by a random step
/// of up to 2^32. So ids ascend, and knowing some does not tell the others. While the clock is behind the last id, that id's time is kept.
/// Order holds for one generator; between processes it is that of their clocks. Safe for concurrent use; an id allocates nothing.
/// </remarks>
public sealed class UuidV7Generator
{
    private const int LowerBits = 62;
    private const int UpperBits = 12;
    private const ulong LowerMask = (1UL << LowerBits) - 1;

    /// <summary>The first id of a millisecond has the uppermost bit clear: room for 2^41 steps and more.</summary>
    private const ulong FirstUpperMask = (1UL << (UpperBits - 1)) - 1;

    private const ulong UpperMax = (1UL << UpperBits) - 1;
    private const int SpareNumbers = 64;

    private readonly TimeProvider _clock;
    private readonly RandomSource _random;
    private readonly Lock _stateGuard = new();
    private readonly ulong[] _spares = new ulong[SpareNumbers];
    private int _sparesLeft;
    private (ulong Milliseconds, ulong Upper, ulong Lower) _last;

    /// <summary>A generator of its own order.</summary>
    /// <param name="clock">Default: the system's.</param>
    public UuidV7Generator(TimeProvider? clock = null)
        : this(clock ?? TimeProvider.System, RandomSource.System)
    {
    }

    internal UuidV7Generator(TimeProvider clock, RandomSource random)
    {
        _clock = clock;
        _random = random;
    }

    /// <summary>A new id, greater than every one this generator made before.</summary>
    public Guid Next()
    {
        // A clock before 1970 counts as one that stands still.
        ulong now = (ulong)Math.Max(0, _clock.GetUtcNow().ToUnixTimeMilliseconds());
        lock (_stateGuard)
        {
            _last = now > _last.Milliseconds
                ? (now, NextRandom() & FirstUpperMask, NextRandom() & LowerMask)
                : Step(_last, 1 + (NextRandom() >> 32));
            return UuidV7.Make(_last.Milliseconds, _last.Upper, _last.Lower);
        }
    }

    /// <summary>Goes on from an id; into the next millisecond where this one's numbers are used up.</summary>
    internal static (ulong Milliseconds, ulong Upper, ulong Lower) Step((ulong Milliseconds, ulong Upper, ulong Lower) last, ulong step)
    {
        ulong lower = last.Lower + step;
        ulong upper = last.Upper + (lower >> LowerBits);
        return (last.Milliseconds + (upper >> UpperBits), upper & UpperMax, lower & LowerMask);
    }

    /// <summary>The system's generator costs a call; one brings 64 numbers.</summary>
    private ulong NextRandom()
    {
        if (_sparesLeft == 0)
        {
            _random.Fill(MemoryMarshal.AsBytes(_spares.AsSpan()));
            _sparesLeft = SpareNumbers;
        }

        return _spares[--_sparesLeft];
    }
}
