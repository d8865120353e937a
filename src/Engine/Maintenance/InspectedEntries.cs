using Varve.Bytes;
using Varve.Entries;

namespace Varve.Maintenance;

/// <summary>From what stands in a log or a table to what is told about it.</summary>
internal static class InspectedEntries
{
    /// <returns>False for a key without a map.</returns>
    public static bool TryDescribe(
        ReadOnlySpan<byte> fullKey, ulong sequence, EntryKind kind, ReadOnlySpan<byte> storedValue, out InspectedEntry entry)
    {
        entry = default;
        if (!OrderedVarint.TryRead(fullKey, out ulong mapId, out int mapBytes)) return false;
        DateTimeOffset? expiry = null;
        ReadOnlySpan<byte> value = storedValue;
        if (kind is EntryKind.RangeTombstone or EntryKind.Ingest)
        {
            // A range that ends in another map ends with its own.
            value = storedValue.StartsWith(fullKey[..mapBytes]) ? storedValue[mapBytes..] : default;
        }
        else if (kind.HasFlag(EntryKind.Expiring) && storedValue.Length >= Expiry.PrefixBytes)
        {
            expiry = DateTimeOffset.FromUnixTimeMilliseconds((long)Math.Min(Expiry.Read(storedValue), Expiry.Latest));
            value = storedValue[Expiry.PrefixBytes..];
        }

        entry = new InspectedEntry
        {
            MapId = mapId,
            Key = fullKey[mapBytes..],
            Sequence = sequence,
            Kind = (byte)(kind & ~EntryKind.Expiring),
            Value = value,
            Expiry = expiry,
        };
        return true;
    }
}
