using System.Buffers;
using System.Runtime.CompilerServices;

namespace Varve.Entries;

/// <summary>A map's prefix and a user's key put together, on the caller's stack where they fit. Dispose it.</summary>
internal ref struct FullKey
{
    /// <summary>Stack the caller offers; longer keys take a pooled array.</summary>
    public const int StackBytes = 128;

    private byte[]? _rented;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public FullKey(MapIdentity map, ReadOnlySpan<byte> key, Span<byte> stack)
    {
        ReadOnlySpan<byte> prefix = map.Prefix;
        int length = prefix.Length + key.Length;
        Span<byte> whole = length <= stack.Length ? stack : _rented = ArrayPool<byte>.Shared.Rent(length);
        whole = whole[..length];
        prefix.CopyTo(whole);
        key.CopyTo(whole[prefix.Length..]);
        Span = whole;
    }

    public ReadOnlySpan<byte> Span { get; }

    public void Dispose()
    {
        if (_rented is null) return;
        ArrayPool<byte>.Shared.Return(_rented);
        _rented = null;
    }
}
