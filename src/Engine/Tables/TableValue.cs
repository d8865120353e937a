namespace Varve.Tables;

/// <summary>
/// What a table says of a key. The value's bytes stay as they are until <see cref="Dispose"/>, which the receiver calls once.
/// </summary>
internal unsafe struct TableValue : IDisposable
{
    private BlockPin _block;

    internal TableValue(ulong trailer, ulong expiry, byte* value, int valueLength, long separateOffset, BlockPin block)
    {
        Trailer = trailer;
        Expiry = expiry;
        Value = value;
        ValueLength = valueLength;
        SeparateOffset = separateOffset;
        _block = block;
    }

    public ulong Trailer { get; }

    /// <summary>When the trailer says that the entry expires: the moment from which it is absent.</summary>
    public ulong Expiry { get; }

    /// <summary>The user's value's first byte; null when it is separate.</summary>
    public byte* Value { get; }

    /// <summary>The user's value's bytes, separate or not.</summary>
    public int ValueLength { get; }

    /// <summary>True when the value is not in memory: <see cref="Table.ReadSeparate(in TableValue, Span{byte})"/> reads it.</summary>
    public readonly bool IsSeparate => SeparateOffset >= 0;

    /// <summary>What the pin takes of the cache's frames.</summary>
    internal readonly long PinnedBytes => _block.FrameBytes;

    /// <summary>True when the value stands in memory that ends with the pin.</summary>
    internal readonly bool IsPrivate => _block.IsPrivate;

    /// <summary>Where the value block stands; negative when the value is not separate.</summary>
    internal long SeparateOffset { get; }

    public void Dispose() => _block.Dispose();
}
