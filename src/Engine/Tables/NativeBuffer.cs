using System.Runtime.CompilerServices;
using Varve.Diagnostics;
using Varve.Native;

namespace Varve.Tables;

/// <summary>
/// Bytes outside the managed heap: arrays this large would make it collect. 64 more bytes may be read behind them. One thread.
/// </summary>
/// <remarks>
/// The memory is taken at the first use, so that to make one never fails: what owns several, beside a file, is whole or not there.
/// </remarks>
/// <param name="bytes">Usable bytes.</param>
/// <param name="alignment">A power of two.</param>
internal sealed unsafe class NativeBuffer(int bytes, int alignment = NativeBuffer.AlignmentDefault) : IDisposable
{
    private const int AlignmentDefault = 64;

    private byte* _address;
    private bool _isDisposed;

    public int Bytes => bytes;

    /// <exception cref="MemoryBudgetException">The system gives no memory.</exception>
    public byte* Address
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _address != null ? _address : Allocate();
    }

    public Span<byte> Span => new(Address, bytes);

    public void Dispose()
    {
        _isDisposed = true;
        NativeBytes.Free(_address);
        _address = null;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private byte* Allocate()
    {
        Invariant.Holds(!_isDisposed);
        return _address = NativeBytes.Allocate((long)bytes + TableFormat.FramePaddingBytes, alignment);
    }
}
