using System.Buffers.Binary;
using Varve.Diagnostics;

namespace Varve;

/// <summary>Time-ordered unique ids, UUID version 7 (RFC 9562), and what of a map keyed by them a span of time is.</summary>
/// <remarks>
/// The first 48 bits are milliseconds since 1970 UTC, so that <see cref="KeyCodec.For"/> of <see cref="Guid"/> sorts them by time, and
/// writes go to the map's end. Safe for concurrent use.
/// </remarks>
public static class UuidV7
{
    internal const int IdBytes = 16;

    private const long MillisecondsMax = (1L << 48) - 1;
    private const int VersionOffset = 6;
    private const byte Version = 0x70;
    private const byte VersionMask = 0xF0;
    private const int VariantOffset = 8;
    private const byte Variant = 0x80;
    private const byte VariantMask = 0xC0;

    private static readonly UuidV7Generator Shared = new();

    /// <summary>A new id, greater than every one this process got here before. See <see cref="UuidV7Generator.Next"/>.</summary>
    public static Guid Next() => Shared.Next();

    /// <summary>The smallest id of a moment: a bound for ranges, no id to give away.</summary>
    /// <param name="moment">From 1970 on; what is below a millisecond is cut off.</param>
    /// <exception cref="ArgumentOutOfRangeException">Before 1970.</exception>
    public static Guid First(DateTimeOffset moment)
    {
        long milliseconds = moment.ToUnixTimeMilliseconds();
        ArgumentOutOfRangeException.ThrowIfNegative(milliseconds, nameof(moment));
        return Make((ulong)milliseconds, 0, 0);
    }

    /// <summary>
    /// The bounds for the ids made from <paramref name="from"/> (inclusive) to <paramref name="to"/> (exclusive): for <c>map.Range</c>.
    /// Whole milliseconds: the first is rounded down and the second up, so that no id of the time is left out.
    /// </summary>
    /// <param name="from">From 1970 on.</param>
    /// <param name="to">From 1970 on; where it is not later the range is empty.</param>
    /// <returns>The smallest id of the time, and the first one behind it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Before 1970.</exception>
    public static (Guid Start, Guid End) Bounds(DateTimeOffset from, DateTimeOffset to)
    {
        long below = to.Ticks % TimeSpan.TicksPerMillisecond;
        bool hasNext = below > 0 && to < DateTimeOffset.MaxValue.AddMilliseconds(-1);
        return (First(from), First(hasNext ? to.AddTicks(TimeSpan.TicksPerMillisecond - below) : to));
    }

    /// <summary>When an id was made, to the millisecond.</summary>
    /// <param name="id">Any id.</param>
    /// <param name="moment">The time in it, in UTC.</param>
    /// <returns>False where it is no UUID of version 7, or its time is after the year 9999.</returns>
    public static bool TryGetTime(Guid id, out DateTimeOffset moment)
    {
        Span<byte> bytes = stackalloc byte[IdBytes];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        long milliseconds = (long)(BinaryPrimitives.ReadUInt64BigEndian(bytes) >> 16);
        bool isOurs = (bytes[VersionOffset] & VersionMask) == Version && (bytes[VariantOffset] & VariantMask) == Variant;
        isOurs &= milliseconds <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();
        moment = isOurs ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds) : default;
        return isOurs;
    }

    /// <summary>An id of a time (48 bits), and what follows: 12 bits, then 62.</summary>
    internal static Guid Make(ulong milliseconds, ulong upper, ulong lower)
    {
        Invariant.Holds(milliseconds <= MillisecondsMax);
        Span<byte> bytes = stackalloc byte[IdBytes];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, (milliseconds << 16) | ((ulong)Version << 8) | upper);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[sizeof(ulong)..], ((ulong)Variant << 56) | lower);
        return new Guid(bytes, bigEndian: true);
    }
}
