using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Varve.Diagnostics;
using Varve.Native;

namespace Varve.Tables;

/// <summary>
/// Decoded blocks of all tables, in frames of 16 sizes from 4 to 64 KiB from one region of memory, under one hard cap of bytes. A block
/// is found by its table's <see cref="CacheSlots"/> and read under a pin, which keeps it where it is. Safe for concurrent use by any
/// thread.
/// </summary>
/// <remarks>
/// A miss goes: <see cref="Reserve"/>, read and decode into the frame, <see cref="Publish"/>, use, <see cref="Unpin"/>. A hit costs one
/// compare-exchange, an unpin one decrement, neither takes the lock. Pins are for the length of a read or for a cursor's stay on a block;
/// what everybody has pinned together must leave room for others, see <see cref="Reserve"/>.
/// </remarks>
internal sealed unsafe partial class BlockCache : IDisposable
{
    /// <summary>Bytes behind a block that may be read, so that vector loads need no care at its end.</summary>
    public const int PaddingBytes = 64;

    /// <summary>The longest block that fits a frame. Longer ones never enter the cache.</summary>
    public const int BlockBytesMax = BlockCacheSlabs.SlabBytes - PaddingBytes;

    public const long CapacityBytesMin = 256 << 10;

    private const int CacheLineBytes = 64;
    private const int PageBytes = 4 << 10;

    // Counters are striped by thread, a cache line each: a hit writes to no line that all threads share.
    private const int CounterStripes = 16;
    private const int CounterStripeBytes = 64;

    // Kept free of frames for private ones: reads go on while cursors have all frames pinned.
    private const int PrivateReserveShare = 16;
    private const long PrivateReserveBytesMin = 64 << 10;
    private const long PrivateReserveBytesMax = 2 << 20;
    private const int ResidentShareMax = 2;

    // Slots looked at under one hold of the lock when a table is forgotten.
    private const int SlotsForgottenAtOnce = 256;

    private readonly RegionPool _pool;
    private readonly MemoryRegion _region;
    private readonly CounterStripe* _counters;
    private readonly BlockCacheSlabs _slabs;
    private readonly long _metadataBytes;
    private readonly long _privateReserveBytes;

    private readonly Lock _framesGuard = new();
    private long _residentBytes;
    private bool _isDisposed;

    /// <summary>When the slabs have come so far, memory further on is asked for.</summary>
    private long _mark = MemoryRegion.FirstMarkBytes;

    public BlockCache(RegionPool pool, long capacityBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacityBytes, CapacityBytesMin);
        CapacityBytes = capacityBytes;
        _privateReserveBytes = Math.Clamp(capacityBytes / PrivateReserveShare, PrivateReserveBytesMin, PrivateReserveBytesMax);

        // region := counters | slab and frame metadata | (to a page) | slabs
        const int CounterBytes = CounterStripes * CounterStripeBytes;
        long slabCount = (capacityBytes - _privateReserveBytes - CounterBytes - PageBytes)
            / (BlockCacheSlabs.SlabBytes + BlockCacheSlabs.MetadataBytesPerSlab);
        slabCount = Math.Min(slabCount, BlockCacheSlabs.SlabCountLimit);
        _metadataBytes = CounterBytes + slabCount * BlockCacheSlabs.MetadataBytesPerSlab;
        _metadataBytes = (_metadataBytes + PageBytes - 1) / PageBytes * PageBytes;

        _pool = pool;
        _region = pool.Rent(_metadataBytes + slabCount * BlockCacheSlabs.SlabBytes);
        _counters = (CounterStripe*)_region.Address;
        new Span<byte>(_counters, CounterBytes).Clear();
        _slabs = new BlockCacheSlabs(_region.Address + CounterBytes, _region.Address + _metadataBytes, (int)slabCount);
    }

    /// <summary>What frames, their metadata, resident partitions and private frames together never exceed.</summary>
    public long CapacityBytes { get; }

    /// <summary>True while a good part of the capacity was never used. A look from outside: it may be wrong by what changes.</summary>
    public bool HasUnusedRoom => _slabs.TouchedBytes < (long)_slabs.SlabsAllowed * BlockCacheSlabs.SlabBytes / 16 * 15;

    /// <summary>Bytes of the frames that cursors stand on. While they move it may be off by what moves.</summary>
    public long CursorBytes
    {
        get
        {
            long bytes = 0;
            for (int i = 0; i < CounterStripes; i++) bytes += Volatile.Read(ref _counters[i].CursorBytes);
            return bytes;
        }
    }

    /// <summary>A cursor pins so many bytes of frames more, or fewer. Whoever opens cursors looks at <see cref="CursorBytes"/>.</summary>
    public void CountCursorBytes(long change) => Interlocked.Add(ref CountersOfThread->CursorBytes, change);

    /// <summary>Pins the block if it is in the cache.</summary>
    public bool TryPin(CacheSlots slots, int ordinal, out FramePin pin)
    {
        CounterStripe* counters = CountersOfThread;
        int number = Volatile.Read(ref slots.FrameNumbers[ordinal]);
        if (number != CacheSlots.None)
        {
            // SAFETY: slots hold only numbers that Publish put there, so the frame's metadata exists as long as the cache.
            BlockCacheFrame* frame = _slabs.Frame(number);
            Prefetch(_slabs.Data(number));
            if (TryAddPin(frame))
            {
                // The frame may have gone to another block, or the block to another frame; while it is pinned it stays what it is.
                bool isIn = Volatile.Read(ref frame->OwnerId) == slots.Id && frame->Ordinal == ordinal
                    && frame->Class == BlockCacheSlabs.ClassOf(number);
                if (isIn)
                {
                    if (frame->Heat < BlockCacheFrame.HeatMax) frame->Heat++;
                    counters->Hits++;
                    pin = new FramePin(_slabs.Data(number), frame->Bytes, number);
                    return true;
                }

                Interlocked.Decrement(ref frame->Pins);
            }
        }

        counters->Misses++;
        pin = default;
        return false;
    }

    /// <summary>Whether the block is probably in the cache: without a pin it may leave or come at any moment.</summary>
    public bool ProbablyHolds(CacheSlots slots, int ordinal)
    {
        int number = Volatile.Read(ref slots.FrameNumbers[ordinal]);
        if (number == CacheSlots.None) return false;

        // SAFETY: slots hold only numbers that Publish put there, so the frame's metadata exists as long as the cache.
        BlockCacheFrame* frame = _slabs.Frame(number);
        return Volatile.Read(ref frame->OwnerId) == slots.Id && frame->Ordinal == ordinal;
    }

    /// <summary>
    /// Asks memory for what a pin of the block would read. False when the block is not in the cache; true says that it probably is.
    /// </summary>
    public bool TryPrefetch(CacheSlots slots, int ordinal)
    {
        int number = Volatile.Read(ref slots.FrameNumbers[ordinal]);
        if (number == CacheSlots.None) return false;
        if (Sse.IsSupported) Sse.Prefetch0(_slabs.Frame(number));
        Prefetch(_slabs.Data(number));
        return true;
    }

    /// <summary>
    /// A pinned frame with room for a block, with any content, which nobody finds before it is published. It is a private one, in memory
    /// of its own that ends with the pin, when the block is longer than <see cref="BlockBytesMax"/> or all frames are pinned.
    /// </summary>
    /// <exception cref="MemoryBudgetException">
    /// Nearly all of the cache is pinned, or private frames would take more than a quarter of it. Only cursors pin for long, so those who
    /// hand out cursors keep their pins well below that.
    /// </exception>
    public FramePin Reserve(int bytes)
    {
        Invariant.Holds(bytes >= 0);
        if (bytes > BlockBytesMax) return ReservePrivate(bytes);

        int frameClass = BlockCacheSlabs.ClassFor(bytes + PaddingBytes);
        lock (_framesGuard)
        {
            Invariant.Holds(!_isDisposed);
            int number = _slabs.TakeFrame(frameClass);
            if (number != CacheSlots.None)
            {
                BlockCacheFrame* frame = _slabs.Frame(number);
                if (_metadataBytes + _slabs.TouchedBytes > _mark) AskForMemory();
                frame->Bytes = (ushort)bytes;
                frame->Heat = 0;
                Volatile.Write(ref frame->Pins, 1);
                return new FramePin(_slabs.Data(number), bytes, number);
            }
        }

        return ReservePrivate(bytes);
    }

    /// <summary>
    /// From now on the block is found. If another thread was first, its frame is the block's, and this one lives as long as its pin. The
    /// pin stays held either way.
    /// </summary>
    public void Publish(CacheSlots slots, int ordinal, in FramePin pin, FramePriority priority)
    {
        Invariant.Holds(!pin.IsNone);
        if (pin.IsPrivate) return;

        lock (_framesGuard)
        {
            if (slots.IsForgotten || IsInFrame(slots, ordinal)) return;

            BlockCacheFrame* frame = _slabs.Frame(pin.FrameNumber);
            Invariant.Holds(frame->OwnerId == 0);
            frame->Ordinal = ordinal;
            frame->Heat = (byte)priority;

            // The owner last: who sees it through a stale slot must see the ordinal and the block's bytes too.
            Volatile.Write(ref frame->OwnerId, slots.Id);
            Volatile.Write(ref slots.FrameNumbers[ordinal], pin.FrameNumber);
        }
    }

    /// <summary>Ends a pin; once for each pin. Nothing happens for <c>default</c>.</summary>
    public void Unpin(in FramePin pin)
    {
        if (pin.FrameNumber != CacheSlots.None)
        {
            BlockCacheFrame* frame = _slabs.Frame(pin.FrameNumber);
            int left = Interlocked.Decrement(ref frame->Pins);
            Invariant.Holds(left >= 0);
            if (left == 0 && Volatile.Read(ref frame->OwnerId) == 0) FreeUnowned(pin.FrameNumber);
        }
        else if (pin.IsPrivate)
        {
            NativeBytes.Free(pin.Data);
            ReleasePrivate(PrivateBytesFor(pin.Bytes));
        }
    }

    /// <summary>The table is gone: its frames become free, pinned ones with their last pin. Nothing is published for it any more.</summary>
    public void Forget(CacheSlots slots)
    {
        int ordinal = 0;
        do
        {
            lock (_framesGuard)
            {
                slots.IsForgotten = true;
                int end = Math.Min(ordinal + SlotsForgottenAtOnce, slots.Count);
                for (; ordinal < end; ordinal++)
                {
                    if (!_isDisposed && IsInFrame(slots, ordinal))
                    {
                        int number = slots.FrameNumbers[ordinal];
                        _slabs.Frame(number)->OwnerId = 0;
                        _slabs.Frame(number)->Heat = 0;
                        _slabs.FreeUnlessPinned(number);
                    }

                    Volatile.Write(ref slots.FrameNumbers[ordinal], CacheSlots.None);
                }
            }
        }
        while (ordinal < slots.Count);
    }

    /// <summary>
    /// Takes capacity for partitions that a table keeps in memory of its own, at the frames' expense. False when half of the capacity is
    /// taken so already, or pins keep the frames from shrinking.
    /// </summary>
    public bool TryReserveResident(long bytes)
    {
        Invariant.Holds(bytes >= 0);
        lock (_framesGuard)
        {
            if (bytes > CapacityBytes / ResidentShareMax - _residentBytes) return false;

            _residentBytes += bytes;
            if (TryFitFrames()) return true;
            _residentBytes -= bytes;
            TryFitFrames();
            return false;
        }
    }

    public void ReleaseResident(long bytes)
    {
        lock (_framesGuard)
        {
            _residentBytes -= bytes;
            Invariant.Holds(bytes >= 0 && _residentBytes >= 0);
            TryFitFrames();
        }
    }

    public BlockCacheStatistics GetStatistics()
    {
        long hits = 0;
        long misses = 0;
        for (int i = 0; i < CounterStripes; i++)
        {
            hits += Volatile.Read(ref _counters[i].Hits);
            misses += Volatile.Read(ref _counters[i].Misses);
        }

        lock (_framesGuard)
        {
            long bytesUsed = _metadataBytes + (long)_slabs.SlabsInUse * BlockCacheSlabs.SlabBytes + _residentBytes + _privateBytes;
            return new BlockCacheStatistics(hits, misses, _slabs.EvictionCount, bytesUsed, _residentBytes, _privateBytes);
        }
    }

    /// <summary>Frames pinned now. For tests and diagnosis: it looks at all of them.</summary>
    public int CountPinned()
    {
        lock (_framesGuard) return _slabs.CountPinned();
    }

    /// <summary>Gives the memory back. Nothing may be pinned any more.</summary>
    public void Dispose()
    {
        lock (_framesGuard)
        {
            if (_isDisposed) return;
            _isDisposed = true;

            // A pin left over is a bug, and its unpin would write into the memory of the region's next user: better keep the region.
            if (_slabs.CountPinned() > 0) return;
        }

        _pool.Return(_region);
    }

    /// <summary>
    /// A random get waits for memory several times in a row: for the frame's state, for the block's head, for the entry. The head (count,
    /// fingerprints, offsets: two cache lines) is asked for before the state is looked at, so that the first two waits are one.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(byte* block)
    {
        if (!Sse.IsSupported) return;
        Sse.Prefetch0(block);
        Sse.Prefetch0(block + CacheLineBytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryAddPin(BlockCacheFrame* frame)
    {
        int pins = Volatile.Read(ref frame->Pins);
        while (pins >= 0)
        {
            int found = Interlocked.CompareExchange(ref frame->Pins, pins + 1, pins);
            if (found == pins) return true;
            pins = found;
        }

        return false;
    }

    private CounterStripe* CountersOfThread => _counters + (Environment.CurrentManagedThreadId & CounterStripes - 1);

    /// <summary>True when the slot names a frame that holds its block. The lock is held, so it stays so.</summary>
    private bool IsInFrame(CacheSlots slots, int ordinal)
    {
        int number = slots.FrameNumbers[ordinal];
        return number != CacheSlots.None && _slabs.Frame(number)->OwnerId == slots.Id && _slabs.Frame(number)->Ordinal == ordinal;
    }

    /// <summary>Frees a frame that was never published, or whose table is gone; the lock decides whether it still is that.</summary>
    private void FreeUnowned(int number)
    {
        lock (_framesGuard)
        {
            if (!_isDisposed && _slabs.Frame(number)->OwnerId == 0) _slabs.FreeUnlessPinned(number);
        }
    }

    private void AskForMemory() => _mark = _region.Advance(
        _metadataBytes + _slabs.TouchedBytes, _metadataBytes + (long)_slabs.SlabsAllowed * BlockCacheSlabs.SlabBytes);

    /// <summary>Sets what is left for frames, and evicts down to it; false when pins prevent that. The lock is held.</summary>
    private bool TryFitFrames()
    {
        long framesBytes = CapacityBytes - _metadataBytes - _residentBytes - Math.Max(_privateReserveBytes, _privateBytes);
        _slabs.SlabsAllowed = (int)Math.Min(int.MaxValue, framesBytes / BlockCacheSlabs.SlabBytes);
        return framesBytes >= 0 && _slabs.TryShrink();
    }

    [StructLayout(LayoutKind.Sequential, Size = CounterStripeBytes)]
    private struct CounterStripe
    {
        public long Hits;
        public long Misses;

        /// <summary>A cursor that changed threads has its parts in several stripes: only the sum of all means something.</summary>
        public long CursorBytes;
    }
}
