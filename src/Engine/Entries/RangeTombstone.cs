namespace Varve.Entries;

/// <summary>All versions of the keys from the start (inclusive) to the end (exclusive) with a lower sequence are deleted.</summary>
/// <param name="Start">Full key. Never changed.</param>
/// <param name="End">Full key behind the start. Never changed.</param>
/// <param name="Sequence">When.</param>
internal readonly record struct RangeTombstone(byte[] Start, byte[] End, ulong Sequence);

/// <summary>A range with every range delete that spans it: they begin and end nowhere inside.</summary>
/// <param name="Start">First full key.</param>
/// <param name="End">First full key behind it.</param>
/// <param name="Sequences">Of the deletes, descending, at least one. Never changed.</param>
internal readonly record struct RangeFragment(byte[] Start, byte[] End, ulong[] Sequences)
{
    /// <summary>The newest delete that a reader at the sequence sees; 0 when it sees none.</summary>
    public ulong NewestAt(ulong readSequence)
    {
        foreach (ulong sequence in Sequences)
        {
            if (sequence <= readSequence) return sequence;
        }

        return 0;
    }
}
