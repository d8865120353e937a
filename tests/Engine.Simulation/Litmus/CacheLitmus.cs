using Varve.Native;
using Varve.Runtime;
using Varve.Tables;

namespace Varve.Simulation;

/// <summary>
/// More blocks than frames, and hardly more frames than threads: every read pins a frame that others evict and reuse. A pinned frame
/// shows its block, whole, until the pin ends.
/// </summary>
/// <param name="scheduler">Whose threads run it.</param>
/// <param name="keepsPin">The slip, when false: the pin ends before the block is read.</param>
internal sealed class CacheLitmus(Scheduler scheduler, bool keepsPin) : Litmus(scheduler)
{
    private const int BlockBytes = 33_000;
    private const int CheckedBytes = 64;
    private const int Reads = 50;

    private readonly BlockCache _cache = new(RegionPool.Shared, 2 * Threads * (64 << 10));
    private readonly CacheSlots _slots = new(3 * Threads);

    private const int Threads = 4;

    public override int ThreadCount => Threads;

    public override void Run(int thread, Random random)
    {
        for (int i = 0; i < Reads; i++)
        {
            int ordinal = random.Next(_slots.Count);
            if (!_cache.TryPin(_slots, ordinal, out FramePin pin))
            {
                pin = _cache.Reserve(BlockBytes);
                pin.Span[..(CheckedBytes / 2)].Fill((byte)(ordinal + 1));
                Seam();
                pin.Span[(CheckedBytes / 2)..CheckedBytes].Fill((byte)(ordinal + 1));
                _cache.Publish(_slots, ordinal, pin, FramePriority.Normal);
            }

            // Memory of a private block is gone with its pin: to read that would be no slip but a crash.
            bool unpinsFirst = !keepsPin && !pin.IsPrivate;
            if (unpinsFirst) _cache.Unpin(pin);
            Seam();
            bool isWhole = pin.Span[..CheckedBytes].IndexOfAnyExcept((byte)(ordinal + 1)) < 0;
            if (!unpinsFirst) _cache.Unpin(pin);
            Holds(isWhole, $"thread {thread}: the frame of block {ordinal} holds other bytes");
        }
    }

    public override void Check() => Holds(_cache.CountPinned() == 0, "frames are pinned after all pins have ended");

    public override void Dispose() => _cache.Dispose();
}
