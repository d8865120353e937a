namespace Varve;

/// <summary>
/// Which version of an entry it is: no two writes of a key ever have the same. Says nothing else; two can only be compared for equality.
/// </summary>
/// <remarks>
/// Stays the same over compactions, closes and opens. What a condition asks for. An entry
/// that is written again, even with the same value, has another version.
/// </remarks>
public readonly struct EntryVersion : IEquatable<EntryVersion>
{
    internal EntryVersion(ulong sequence) => Sequence = sequence;

    /// <summary>The version of a key that is absent, whether it was never written, was deleted, or has expired.</summary>
    public static EntryVersion None => default;

    internal ulong Sequence { get; }

    /// <summary>Whether both are the same version.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator ==(EntryVersion left, EntryVersion right) => left.Sequence == right.Sequence;

    /// <summary>Whether they are different versions.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator !=(EntryVersion left, EntryVersion right) => left.Sequence != right.Sequence;

    /// <summary>Whether both are the same version.</summary>
    /// <param name="other">The other.</param>
    public bool Equals(EntryVersion other) => Sequence == other.Sequence;

    /// <summary>Whether the other is a version, and the same.</summary>
    /// <param name="obj">The other.</param>
    public override bool Equals(object? obj) => obj is EntryVersion other && Equals(other);

    /// <summary>As equal versions have it.</summary>
    public override int GetHashCode() => Sequence.GetHashCode();
}
