using System.Runtime.CompilerServices;
using Varve.Entries;
using Varve.Runtime;

namespace Varve.Reading;

/// <summary>
/// What a read reads at: a sequence, and the time that tells which entries have expired. The time of a snapshot, a cursor or a commit
/// group is fixed; a get at this moment asks the clock only when it meets an entry that expires.
/// </summary>
internal readonly struct ReadMoment
{
    private readonly StoreClock? _clock;
    private readonly long _milliseconds;

    /// <summary>A fixed time, milliseconds since 1970 UTC.</summary>
    public ReadMoment(ulong sequence, long milliseconds)
    {
        Sequence = sequence;
        _milliseconds = milliseconds;
    }

    /// <summary>A time that is read when it is needed; only for reads that need it once.</summary>
    public ReadMoment(ulong sequence, StoreClock clock)
    {
        Sequence = sequence;
        _clock = clock;
    }

    public ulong Sequence { get; }

    /// <summary>True when nothing is there for a reader: a tombstone, or a value that has expired.</summary>
    /// <param name="trailer">The entry's.</param>
    /// <param name="expiry">Counts only where the trailer says that the entry expires.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsAbsent(ulong trailer, ulong expiry) =>
        Trailer.Kind(trailer) != EntryKind.Value && (Trailer.IsTombstone(trailer) || HasExpired(expiry));

    public bool HasExpired(ulong expiry) => expiry <= (ulong)(_clock is null ? _milliseconds : _clock.ReadTime());
}
