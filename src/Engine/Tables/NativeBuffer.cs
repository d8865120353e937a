using System.Runtime.InteropServices;

namespace Varve.Tables;

/// <summary>
/// Bytes outside the managed heap: arrays this large would make it collect. Aligned to 64; 64 more bytes may be read behind them.
/// </summary>
internal sealed unsafe class NativeBuffer : IDisposable
{
    private const int Alignment = 64;
    private byte* _address;

    public NativeBuffer(int bytes)
    {
        Bytes = bytes;
        _address = (byte*)NativeMemory.AlignedAlloc((nuint)bytes + TableFormat.FramePaddingBytes, Alignment);
    }

    public int Bytes { get; }

    public byte* Address => _address;

    public Span<byte> Span => new(_address, Bytes);

    public void Dispose()
    {
        NativeMemory.AlignedFree(_address);
        _address = null;
    }
}
