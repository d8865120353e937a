namespace Varve.Memory;

/// <summary>What a point read found in a memtable. The value's memory is valid while the reader's reference on the table lasts.</summary>
internal readonly unsafe struct MemEntry(ulong trailer, byte* value, int valueLength)
{
    public readonly ulong Trailer = trailer;

    public readonly byte* Value = value;

    public readonly int ValueLength = valueLength;

    public ReadOnlySpan<byte> ValueSpan => new(Value, ValueLength);
}
