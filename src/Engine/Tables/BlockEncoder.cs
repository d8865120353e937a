using Varve.Bytes;

namespace Varve.Tables;

/// <summary>A block ready to be written: how many entries it took, and what its payload is.</summary>
internal readonly record struct EncodedBlock(int EntryCount, BlockCompression Compression, int RawBytes, int PayloadBytes);

/// <summary>
/// Decides how many entries make a block. Raw blocks are cut at a size; a compressed block should nearly fill a page, which can only
/// be guessed before it is compressed: the guess is the ratio of the blocks before, and what overflows is shed and tried again.
/// </summary>
internal sealed class BlockEncoder : IDisposable
{
    private const int PagePayloadBytes = TableFormat.PageBytes - BlockTrailer.SizeBytes;

    /// <summary>Aim this much below a full page, so that few blocks have to be compressed twice.</summary>
    private const double AimedFill = 0.975;

    /// <summary>How much one block counts in the running ratio.</summary>
    private const double RatioStep = 0.25;
    private const double RatioFirst = 1.5;

    private readonly TableFormatOptions _options;
    private readonly NativeBuffer _raw = new(2 * TableFormat.PayloadBytesMax);
    private readonly NativeBuffer? _compressed;
    private double _rawPerStored = 1;

    public BlockEncoder(TableFormatOptions options)
    {
        _options = options;
        PayloadBytesTarget = options.BlockBytes;
        if (!options.Compress) return;
        _compressed = new NativeBuffer(Lz4Block.CompressedBytesMax(TableFormat.PayloadBytesMax) + BlockTrailer.SizeBytes);
        _rawPerStored = RatioFirst;
        Aim();
    }

    /// <summary>Raw payload bytes at which a block should be encoded.</summary>
    public int PayloadBytesTarget { get; private set; }

    public long EstimateStoredBytes(int payloadBytes) => (long)(payloadBytes / _rawPerStored);

    /// <summary>The stored block that <see cref="Encode"/> made, with room for its trailer.</summary>
    public Span<byte> Stored(EncodedBlock block) =>
        (block.Compression == BlockCompression.None ? _raw : _compressed!).Span[..(block.PayloadBytes + BlockTrailer.SizeBytes)];

    /// <summary>Encodes the builder's first entries; it has some.</summary>
    public EncodedBlock Encode(BlockBuilder builder)
    {
        if (_compressed is null) return EncodeRaw(builder);
        int count = builder.CountFitting(PayloadBytesTarget);
        while (true)
        {
            int rawBytes = builder.Encode(count, _raw.Span);
            int compressedBytes = Lz4Block.Compress(_raw.Span[..rawBytes], _compressed.Span);
            if (compressedBytes == 0 || compressedBytes > rawBytes - (rawBytes / 8))
            {
                Learn(1);
                return EncodeRaw(builder);
            }

            Learn((double)rawBytes / compressedBytes);
            if (compressedBytes <= PagePayloadBytes || count == 1)
                return new EncodedBlock(count, BlockCompression.Lz4, rawBytes, compressedBytes);
            int fittingBytes = (int)(AimedFill * rawBytes * PagePayloadBytes / compressedBytes);
            count = Math.Min(count - 1, builder.CountFitting(fittingBytes));
        }
    }

    public void Dispose()
    {
        _raw.Dispose();
        _compressed?.Dispose();
    }

    private EncodedBlock EncodeRaw(BlockBuilder builder)
    {
        int count = builder.CountFitting(_options.BlockBytes);
        int bytes = builder.Encode(count, _raw.Span);
        return new EncodedBlock(count, BlockCompression.None, bytes, bytes);
    }

    private void Learn(double ratio)
    {
        _rawPerStored += RatioStep * (ratio - _rawPerStored);
        Aim();
    }

    private void Aim() => PayloadBytesTarget = (int)Math.Clamp(
        PagePayloadBytes * _rawPerStored * AimedFill,
        TableFormat.RawPayloadBytesMax,
        TableFormat.GatheredPayloadBytesMax);
}
