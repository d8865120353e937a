using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Varve.Entries;

/// <summary>
/// What tells by a few comparisons that an entry is the next one to show on a walk: its trailer, and its head (the eight bytes behind the
/// prefix that the keys of the walk begin with, big-endian; a shorter rest as if zeros followed) against that of bounds and other sources.
/// </summary>
/// <remarks>Heads only say yes: where two tie, or a key lacks the prefix, whole keys have to be compared elsewhere.</remarks>
internal unsafe struct StepBounds
{
    private readonly ulong _prefixMask;
    private readonly ulong _prefixBits;
    private readonly int _prefixBytes;
    private readonly ulong _trailerMax;

    /// <summary>Walking forward, entries with heads below it may be shown; 0: none.</summary>
    public ulong HeadBehind;

    /// <summary>Walking backward, entries with heads above it may be shown; the greatest number: none.</summary>
    public ulong HeadBefore = ulong.MaxValue;

    /// <param name="prefix">What the keys of the walk begin with.</param>
    /// <param name="sequence">Later entries are not seen.</param>
    public StepBounds(ReadOnlySpan<byte> prefix, ulong sequence)
    {
        _trailerMax = Trailer.SeekAt(sequence);
        _prefixBytes = prefix.Length;
        if (prefix.Length > sizeof(ulong)) return;
        Span<byte> bits = stackalloc byte[sizeof(ulong)];
        bits.Clear();
        prefix.CopyTo(bits);
        _prefixBits = BinaryPrimitives.ReadUInt64LittleEndian(bits);
        _prefixMask = prefix.Length == sizeof(ulong) ? ulong.MaxValue : (1UL << (8 * prefix.Length)) - 1;
    }

    /// <summary>Keys with heads below it come before the bound; null: no bound.</summary>
    public readonly ulong HeadBelow(byte[]? bound)
    {
        if (_prefixBytes > sizeof(ulong)) return 0;
        return bound is null ? ulong.MaxValue : HeadOf(bound);
    }

    /// <summary>Keys with heads above it come behind the bound.</summary>
    public readonly ulong HeadAbove(byte[] bound) => _prefixBytes > sizeof(ulong) ? ulong.MaxValue : HeadOf(bound);

    /// <summary>True for a plain value that the walk sees, where its head says that nothing comes between.</summary>
    /// <param name="key">With 16 readable bytes.</param>
    /// <param name="keyBytes">The key's length.</param>
    /// <param name="trailer">The entry's.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool IsShownForward(byte* key, int keyBytes, ulong trailer) =>
        IsPlain(trailer) && TryReadHead(key, keyBytes, out ulong head) && head < HeadBehind;

    /// <summary>The same of a walk backward.</summary>
    /// <inheritdoc cref="IsShownForward" path="/param"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool IsShownBackward(byte* key, int keyBytes, ulong trailer) =>
        IsPlain(trailer) && TryReadHead(key, keyBytes, out ulong head) && head > HeadBefore;

    /// <summary>Bounds without the prefix lie before or behind all keys that have it.</summary>
    private readonly ulong HeadOf(ReadOnlySpan<byte> bound)
    {
        Span<byte> start = stackalloc byte[2 * sizeof(ulong)];
        start.Clear();
        bound[..Math.Min(bound.Length, start.Length)].CopyTo(start);
        ulong bits = BinaryPrimitives.ReadUInt64LittleEndian(start) & _prefixMask;
        if (bits == _prefixBits && bound.Length >= _prefixBytes) return BinaryPrimitives.ReadUInt64BigEndian(start[_prefixBytes..]);
        return BinaryPrimitives.ReverseEndianness(bits) < BinaryPrimitives.ReverseEndianness(_prefixBits) || bits == _prefixBits
            ? ulong.MinValue
            : ulong.MaxValue;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly bool IsPlain(ulong trailer) => Trailer.Kind(trailer) == EntryKind.Value && trailer <= _trailerMax;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly bool TryReadHead(byte* key, int keyBytes, out ulong head)
    {
        // SAFETY: 16 bytes are readable, and the prefix takes eight of them at most.
        head = BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<ulong>(key + _prefixBytes));
        int rest = keyBytes - _prefixBytes;
        if (rest < sizeof(ulong))
        {
            if (rest < 0) return false;
            head = rest == 0 ? 0 : head & (ulong.MaxValue << (8 * (sizeof(ulong) - rest)));
        }

        return (Unsafe.ReadUnaligned<ulong>(key) & _prefixMask) == _prefixBits;
    }
}
