using System.Diagnostics.CodeAnalysis;
using Varve.Diagnostics;
using Varve.Native;

namespace Varve.Tables;

// Private frames: memory of their own for blocks that no frame takes.
internal sealed unsafe partial class BlockCache
{
    private const int PrivateShareMax = 4;

    private long _privateBytes;

    private static long PrivateBytesFor(int bytes) => (long)bytes + PaddingBytes;

    private FramePin ReservePrivate(int bytes)
    {
        long privateBytes = PrivateBytesFor(bytes);
        lock (_framesGuard)
        {
            Invariant.Holds(!_isDisposed);
            _privateBytes += privateBytes;
            bool fits = _privateBytes <= CapacityBytes / PrivateShareMax && TryFitFrames();
            if (!fits)
            {
                _privateBytes -= privateBytes;
                TryFitFrames();
                ThrowPinned(bytes);
            }
        }

        try
        {
            return new FramePin(NativeBytes.Allocate(privateBytes, PaddingBytes), bytes, CacheSlots.None);
        }
        catch
        {
            ReleasePrivate(privateBytes);
            throw;
        }
    }

    private void ReleasePrivate(long privateBytes)
    {
        lock (_framesGuard)
        {
            _privateBytes -= privateBytes;
            if (!_isDisposed) TryFitFrames();
        }
    }

    [DoesNotReturn]
    private void ThrowPinned(int bytes) => throw new MemoryBudgetException(
        $"A block of {bytes} bytes does not fit: open cursors and leases pin too much of the cache of {CapacityBytes} bytes. "
        + "Dispose some of them, or raise the memory budget.");
}
