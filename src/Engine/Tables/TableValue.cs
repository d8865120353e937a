using System.Runtime.CompilerServices;

namespace Varve.Tables;

/// <summary>
/// What a table says of a key. The value's bytes stay as they are until <see cref="Dispose"/>, which the receiver calls once. One struct is
/// filled where it is wanted, not copied on its way: it is as large as a cache line.
/// </summary>
internal unsafe struct TableValue : IDisposable
{
    internal FramePin Pin;

    /// <summary>Whose value it is; null where a memtable holds it.</summary>
    public Table? Table { get; internal init; }

    public ulong Trailer { get; internal init; }

    /// <summary>When the trailer says that the entry expires: the moment from which it is absent.</summary>
    public ulong Expiry { get; internal init; }

    /// <summary>The user's value's first byte; null when it is separate.</summary>
    public byte* Value { get; internal init; }

    /// <summary>The user's value's bytes, separate or not.</summary>
    public int ValueLength { get; internal init; }

    /// <summary>True when the value is not in memory: <see cref="Table.ReadSeparate(in TableValue, Span{byte})"/> reads it.</summary>
    public readonly bool IsSeparate => Value == null;

    /// <summary>What the pin takes of the cache's frames.</summary>
    internal readonly long PinnedBytes => Pin.FrameBytes;

    /// <summary>True when the value stands in memory that ends with the pin.</summary>
    internal readonly bool IsPrivate => Pin.IsPrivate;

    /// <summary>Where the value block stands, when the value is separate.</summary>
    internal long SeparateOffset { get; init; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Dispose()
    {
        if (Pin.IsNone) return;
        Table!.Unpin(Pin);
        Pin = default;
    }
}
