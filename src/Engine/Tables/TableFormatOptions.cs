namespace Varve.Tables;

/// <summary>How a table is written. Readers learn all of it from the file.</summary>
internal sealed record TableFormatOptions
{
    /// <summary>Raw blocks, 10 filter bits a key.</summary>
    public static TableFormatOptions Default { get; } = new();

    /// <summary>Payload bytes a raw block is cut at; at most, and by default, 4,032, which fills a frame of 4 KiB.</summary>
    public int BlockBytes { get; init; } = TableFormat.RawPayloadBytesMax;

    /// <summary>LZ4 blocks of one page each: for the bottom level.</summary>
    public bool Compress { get; init; }

    /// <summary>0 writes no filter. 10 lets about one absent key in a hundred pass.</summary>
    public int FilterBitsPerKey { get; init; } = 10;
}
