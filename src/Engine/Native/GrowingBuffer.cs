using System.Runtime.CompilerServices;

namespace Varve.Native;

/// <summary>
/// Bytes outside the managed heap that grow on demand; what a cursor keeps of an entry it has moved past. Not copied: one owner.
/// </summary>
internal unsafe struct GrowingBuffer : IDisposable
{
    private const int BytesMin = 256;

    /// <summary>A larger buffer is given back when what comes next is smaller.</summary>
    private const int KeptBytesMax = 1 << 20;

    private byte* _data;
    private int _capacity;

    public int Length { get; private set; }

    public readonly byte* Data => _data;

    public readonly ReadOnlySpan<byte> Span => new(_data, Length);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Set(ReadOnlySpan<byte> content) => content.CopyTo(SetLength(content.Length));

    /// <summary>Room for a content of this length, to be filled by the caller; what was there is lost.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Span<byte> SetLength(int bytes)
    {
        if (bytes > _capacity || (_capacity > KeptBytesMax && bytes <= KeptBytesMax)) Resize(bytes);
        Length = bytes;
        return new Span<byte>(_data, bytes);
    }

    public void Dispose()
    {
        NativeBytes.Free(_data);
        _data = null;
        _capacity = 0;
        Length = 0;
    }

    private void Resize(int bytes)
    {
        int capacity = bytes > KeptBytesMax ? bytes : Math.Max(BytesMin, bytes * 2);
        byte* grown = NativeBytes.Allocate(capacity);
        NativeBytes.Free(_data);
        _data = grown;
        _capacity = capacity;
    }
}
