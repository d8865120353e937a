namespace Varve.Tables;

/// <summary>A checked block in memory: a pinned frame of the cache, or a resident partition that needs no pin. Disposed once.</summary>
internal unsafe struct BlockPin : IDisposable
{
    private readonly BlockCache? _cache;
    private FramePin _pin;

    /// <summary>A block that stays as long as its table.</summary>
    public BlockPin(byte* resident)
    {
        Data = resident;
        _cache = null;
        _pin = default;
    }

    public BlockPin(BlockCache cache, FramePin pin)
    {
        Data = pin.Data;
        _cache = cache;
        _pin = pin;
    }

    public byte* Data { get; private set; }

    /// <summary>The pin itself; none for a resident partition. Whoever takes it over does not dispose this.</summary>
    public readonly FramePin Frame => _pin;

    /// <summary>What it takes of the cache's frames; 0 for a resident partition.</summary>
    public readonly long FrameBytes => _pin.FrameBytes;

    /// <summary>True when the block's memory ends with the pin.</summary>
    public readonly bool IsPrivate => _pin.IsPrivate;

    public void Dispose()
    {
        if (!_pin.IsNone) _cache!.Unpin(_pin);
        _pin = default;
        Data = null;
    }
}
