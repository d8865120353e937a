namespace Varve.Maintenance;

/// <summary>Full keys that a damaged place of a table may have held, both ends inside.</summary>
/// <param name="First">Null: from the table's beginning.</param>
/// <param name="Last">Null: to the table's end.</param>
/// <param name="Offset">Of the damaged place.</param>
/// <param name="Detail">What is damaged there.</param>
internal sealed record LostKeys(byte[]? First, byte[]? Last, long Offset, string Detail);

/// <summary>Is given the sound entries of a table: full key, stored trailer without the flag of separate values, stored value.</summary>
internal delegate void StoredEntryAction(ReadOnlySpan<byte> key, ulong trailer, ReadOnlySpan<byte> value);
