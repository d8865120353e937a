using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Varve.Entries;

/// <summary>
/// The moment from which an entry is absent, in front of its stored value: <c>expiry:u64 | user value</c>, milliseconds since
/// 1970 UTC, where the trailer's kind has the flag <see cref="EntryKind.Expiring"/>.
/// </summary>
internal static class Expiry
{
    public const int PrefixBytes = sizeof(ulong);

    /// <summary>The last millisecond of the year 9999, beyond which .NET has no dates.</summary>
    public const ulong Latest = 253_402_300_799_999;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsExpiring(ulong trailer) => (trailer & (byte)EntryKind.Expiring) != 0;

    /// <summary>Bytes in front of the user's value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int PrefixBytesOf(ulong trailer) => IsExpiring(trailer) ? PrefixBytes : 0;

    /// <summary>Of the stored value of an expiring entry, which has at least <see cref="PrefixBytes"/>.</summary>
    public static ulong Read(ReadOnlySpan<byte> storedValue) => BinaryPrimitives.ReadUInt64LittleEndian(storedValue);

    public static void Write(Span<byte> storedValue, ulong expiry) => BinaryPrimitives.WriteUInt64LittleEndian(storedValue, expiry);
}
