namespace Varve.Tables;

/// <summary>How long a block stays in the cache before its first use counts: the value its clock counter starts with.</summary>
internal enum FramePriority : byte
{
    /// <summary>Data blocks: gone after one turn of the clock without a use, so that a scan does not displace what is read often.</summary>
    Normal = 0,

    /// <summary>Index and filter partitions: every lookup needs them, and one stands for many data blocks.</summary>
    High = 2,
}

/// <summary>
/// The right to read a block in the <see cref="BlockCache"/> (or to fill it, before it is published). The bytes stay as they are until
/// the pin is given to <see cref="BlockCache.Unpin"/>, once. Copies are the same pin. <c>default</c> pins nothing.
/// </summary>
internal readonly unsafe struct FramePin
{
    /// <summary>The block, aligned to 64; <see cref="BlockCache.PaddingBytes"/> more of any content may be read behind it.</summary>
    public readonly byte* Data;

    public readonly int Bytes;

    /// <summary>0 for a private frame, which lives outside the cache and ends with the pin.</summary>
    internal readonly int FrameNumber;

    internal FramePin(byte* data, int bytes, int frameNumber)
    {
        Data = data;
        Bytes = bytes;
        FrameNumber = frameNumber;
    }

    public bool IsNone => Data == null;

    public Span<byte> Span => new(Data, Bytes);

    /// <summary>What the pin takes of the cache: its whole frame.</summary>
    public long FrameBytes
    {
        get
        {
            if (IsNone) return 0;
            return IsPrivate ? Bytes + BlockCache.PaddingBytes : BlockCacheSlabs.FrameBytes(FrameNumber);
        }
    }

    internal bool IsPrivate => FrameNumber == 0 && Data != null;
}
