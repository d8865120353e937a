using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Varve.Native;

/// <summary>Bytes outside the managed heap that grow on demand; what a cursor keeps of an entry it has moved past. Not copied: one owner.</summary>
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
    public void Set(ReadOnlySpan<byte> content)
    {
        if (content.Length > _capacity || (_capacity > KeptBytesMax && content.Length <= KeptBytesMax)) Resize(content.Length);
        content.CopyTo(new Span<byte>(_data, _capacity));
        Length = content.Length;
    }

    public void Dispose()
    {
        NativeMemory.Free(_data);
        _data = null;
        _capacity = 0;
        Length = 0;
    }

    private void Resize(int bytes)
    {
        int capacity = bytes > KeptBytesMax ? bytes : Math.Max(BytesMin, bytes * 2);
        byte* grown = (byte*)NativeMemory.Alloc((nuint)capacity);
        NativeMemory.Free(_data);
        _data = grown;
        _capacity = capacity;
    }
}
