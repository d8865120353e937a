using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Varve.Memory;

/// <summary>
/// One version of one key in a memtable. Immutable once published: a newer version is a record of its own that
/// points back to this one.
/// </summary>
// record := trailer:u64 | older:u32 | valueLength:u32 | keyLength:u16 | chainLength:u16 | key | value      (8-byte aligned, memory only)
[StructLayout(LayoutKind.Sequential, Pack = sizeof(uint))]
internal unsafe struct MemRecord
{
    public ulong Trailer;

    /// <summary>Reference to the next older version of the key; 0 when there is none.</summary>
    public uint Older;

    public int ValueLength;

    public ushort KeyLength;

    /// <summary>How many versions of the key there are from this one on, itself included; stays at 65,535.</summary>
    public ushort ChainLength;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Key(MemRecord* record) => (byte*)record + sizeof(MemRecord);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Value(MemRecord* record) => (byte*)record + sizeof(MemRecord) + record->KeyLength;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ReadOnlySpan<byte> KeySpan(MemRecord* record) => new(Key(record), record->KeyLength);
}
