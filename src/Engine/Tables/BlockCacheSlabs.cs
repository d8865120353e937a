using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using Varve.Diagnostics;

namespace Varve.Tables;

/// <summary>
/// The frames of a <see cref="BlockCache"/>: slabs of 64 KiB, each cut into 1 to 16 frames of one size, and the clock that decides which
/// block goes. The caller holds the cache's lock; only pins change beside it.
/// </summary>
/// <remarks>
/// A slab's class is how many frames it is cut into. Neighbouring classes differ by a tenth in size where blocks are usually long, so that
/// little of a frame stays empty: decompressed blocks have any length.
/// <para>
/// A frame's number says where it is: <c>slab:22 | class:5 | index:4</c>. Its metadata does not move when the slab is cut otherwise, so a
/// stale number leads to metadata that tells that the block is elsewhere.
/// </para>
/// <para>
/// The hand goes over slabs, whatever their class, and ages what it passes. A slab of the wanted class gives all its cold frames; one of
/// another class is taken over when all of it is cold, so the classes share the memory as the blocks in use need it. When the hand finds
/// nothing cold in <see cref="SlabsSweptMax"/> slabs, the coldest of those goes: a bound on the time under the lock.
/// </para>
/// </remarks>
internal sealed unsafe class BlockCacheSlabs
{
    public const int SlabBytes = 64 << 10;

    /// <summary>So that every frame has a positive <c>int</c> for a number: 256 GiB of them.</summary>
    public const int SlabCountLimit = 1 << (31 - SlabShift);

    private const int FramesPerSlabMax = 16;
    private const int IndexBits = 4;
    private const int ClassBits = 5;
    private const int SlabShift = IndexBits + ClassBits;
    private const int SlabsSweptMax = 64;

    /// <summary>The class of slabs that are cut into nothing and hold nothing.</summary>
    private const byte Unused = 0;

    /// <summary>More than any heat: nothing of the slab can go.</summary>
    private const int TooHot = BlockCacheFrame.HeatMax + 1;

    /// <summary>Ends a list of slabs.</summary>
    private const int NoSlab = -1;

    private readonly BlockCacheFrame* _frames;
    private readonly byte* _data;

    private readonly Slab* _slabs;
    private readonly int _slabCountMax;

    /// <summary>Per class the slabs that have a free frame; first the unused ones that were used before.</summary>
    private readonly int[] _listHeads = new int[FramesPerSlabMax + 1];

    /// <summary>Slabs behind it were never touched.</summary>
    private int _slabsTouched;
    private int _hand;

    public BlockCacheSlabs(byte* metadata, byte* data, int slabCountMax)
    {
        _slabs = (Slab*)metadata;
        _frames = (BlockCacheFrame*)(metadata + (long)slabCountMax * sizeof(Slab));
        _data = data;
        _slabCountMax = slabCountMax;
        SlabsAllowed = slabCountMax;
        Array.Fill(_listHeads, NoSlab);
    }

    public static int MetadataBytesPerSlab => sizeof(Slab) + FramesPerSlabMax * sizeof(BlockCacheFrame);

    public int SlabsInUse { get; private set; }

    /// <summary>Bytes of the slabs that were ever in use: they are taken one behind the other.</summary>
    public long TouchedBytes => (long)_slabsTouched * SlabBytes;

    /// <summary>How many slabs may be in use; <see cref="TryShrink"/> enforces a lowered value.</summary>
    public int SlabsAllowed { get; set => field = Math.Min(value, _slabCountMax); }

    public long EvictionCount { get; private set; }

    /// <summary>Bytes of a frame, by its slab's class; multiples of 64.</summary>
    private static ReadOnlySpan<int> BytesOfClass =>
    [
        0, 65_536, 32_768, 21_824, 16_384, 13_056, 10_880, 9_344, 8_192, 7_232, 6_528, 5_952, 5_440, 4_992, 4_672, 4_352, 4_096,
    ];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public BlockCacheFrame* Frame(int number) => _frames + (long)(number >>> SlabShift) * FramesPerSlabMax + IndexOf(number);

    /// <summary>Where the block is, if the number is not stale; else some place in the same slab.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Data(int number) => _data + (long)(number >>> SlabShift) * SlabBytes + IndexOf(number) * BytesOfClass[ClassOf(number)];

    public static int ClassOf(int number) => (number >>> IndexBits) & ((1 << ClassBits) - 1);

    public static int FrameBytes(int number) => BytesOfClass[ClassOf(number)];

    /// <summary>The class with the smallest frames that hold so many bytes.</summary>
    public static int ClassFor(int bytes)
    {
        int frames = Math.Min(FramesPerSlabMax, SlabBytes / bytes);
        return BytesOfClass[frames] >= bytes ? frames : frames - 1;
    }

    /// <summary>The number of a closed frame without owner; 0 when all memory is pinned.</summary>
    public int TakeFrame(int frameClass)
    {
        if (_listHeads[frameClass] == NoSlab && !TryGrow(frameClass) && !TryMakeRoom((byte)frameClass)) return CacheSlots.None;

        int slab = _listHeads[frameClass];
        int index = BitOperations.TrailingZeroCount(_slabs[slab].FreeFrames);
        _slabs[slab].FreeFrames &= ~(1u << index);
        if (_slabs[slab].FreeFrames == 0) Unlink(slab);
        int number = NumberOf(slab, index);
        Frame(number)->Class = (byte)frameClass;
        return number;
    }

    /// <summary>Frees a frame in use that nobody has pinned. A pinned one waits for its last pin or the clock.</summary>
    public void FreeUnlessPinned(int number)
    {
        if (Interlocked.CompareExchange(ref Frame(number)->Pins, BlockCacheFrame.Closed, 0) != 0) return;
        AddFree(number >>> SlabShift, IndexOf(number));
    }

    /// <summary>Gives slabs up until no more are in use than allowed; false when pins prevent it.</summary>
    public bool TryShrink()
    {
        while (SlabsInUse > SlabsAllowed)
        {
            if (SlabsAllowed < 0 || !TryMakeRoom(Unused)) return false;
        }

        return true;
    }

    public int CountPinned()
    {
        int pinned = 0;
        for (long frame = 0; frame < (long)_slabsTouched * FramesPerSlabMax; frame++)
        {
            if (Volatile.Read(ref _frames[frame].Pins) > 0) pinned++;
        }

        return pinned;
    }

    private static int IndexOf(int number) => number & (FramesPerSlabMax - 1);

    private int NumberOf(int slab, int index) => slab << SlabShift | _slabs[slab].Class << IndexBits | index;

    /// <summary>A bit for each frame of a slab.</summary>
    private static uint AllFrames(int frameClass) => (1u << frameClass) - 1;

    private bool TryGrow(int frameClass)
    {
        if (SlabsInUse >= SlabsAllowed) return false;

        int slab = _listHeads[Unused];
        if (slab != NoSlab)
        {
            Unlink(slab);
        }
        else
        {
            slab = _slabsTouched++;
            var closed = new BlockCacheFrame { Pins = BlockCacheFrame.Closed };
            new Span<BlockCacheFrame>(_frames + (long)slab * FramesPerSlabMax, FramesPerSlabMax).Fill(closed);
        }

        SlabsInUse++;
        Cut(slab, (byte)frameClass);
        return true;
    }

    /// <summary>Makes frames of one class of a slab that holds nothing; all its frames are closed.</summary>
    private void Cut(int slab, byte frameClass)
    {
        _slabs[slab].Class = frameClass;
        _slabs[slab].FreeFrames = AllFrames(frameClass);
        Link(slab);
    }

    /// <summary>Frees at least one frame of the wanted class, or a whole slab for <see cref="Unused"/>.</summary>
    private bool TryMakeRoom(byte wantedClass)
    {
        int coldest = NoSlab;
        int coldestHeat = TooHot;
        for (int swept = 0; swept < _slabsTouched; swept++)
        {
            int slab = _hand;
            _hand = _hand + 1 < _slabsTouched ? _hand + 1 : 0;
            if (_slabs[slab].Class == Unused) continue;

            int heat = Age(slab, wantedClass);
            if (heat == 0 && TryClear(slab, wantedClass, agedHeat: 0)) return true;
            if (heat < coldestHeat)
            {
                coldest = slab;
                coldestHeat = heat;
            }

            if (swept >= SlabsSweptMax && coldest != NoSlab)
            {
                if (TryClear(coldest, wantedClass, coldestHeat - 1)) return true;
                coldest = NoSlab;
                coldestHeat = TooHot;
            }
        }

        return coldest != NoSlab && TryClear(coldest, wantedClass, coldestHeat - 1);
    }

    /// <summary>
    /// Lowers the heat of a slab's frames. Returns how hot they were: for a slab of the wanted class the coldest frame that could go, for
    /// another, which must go as a whole, the hottest; <see cref="TooHot"/> when pins keep it.
    /// </summary>
    private int Age(int slab, byte wantedClass)
    {
        int coldest = TooHot;
        int hottest = 0;
        bool hasPins = false;
        for (uint left = FramesInUse(slab); left != 0; left &= left - 1)
        {
            BlockCacheFrame* frame = Frame(NumberOf(slab, BitOperations.TrailingZeroCount(left)));
            int heat = frame->Heat;
            if (heat > 0) frame->Heat = (byte)(heat - 1);
            if (Volatile.Read(ref frame->Pins) > 0)
            {
                hasPins = true;
                continue;
            }

            coldest = Math.Min(coldest, heat);
            hottest = Math.Max(hottest, heat);
        }

        if (_slabs[slab].Class == wantedClass) return coldest;
        return hasPins ? TooHot : hottest;
    }

    /// <summary>
    /// Evicts all of a slab of another class, or of the wanted one the frames that are no hotter than the coldest was when it had aged;
    /// none when they were read or pinned since.
    /// </summary>
    private bool TryClear(int slab, byte wantedClass, int agedHeat)
    {
        if (_slabs[slab].Class == wantedClass) return TryEvictCold(slab, Math.Max(agedHeat, 0));
        if (!TryEvictAll(slab)) return false;

        if (wantedClass == Unused) SlabsInUse--;
        Cut(slab, wantedClass);
        return true;
    }

    private bool TryEvictCold(int slab, int heatMax)
    {
        bool evicted = false;
        for (uint left = FramesInUse(slab); left != 0; left &= left - 1)
        {
            int index = BitOperations.TrailingZeroCount(left);
            BlockCacheFrame* frame = Frame(NumberOf(slab, index));
            if (frame->Heat > heatMax) continue;
            if (Interlocked.CompareExchange(ref frame->Pins, BlockCacheFrame.Closed, 0) != 0) continue;

            CloseOwner(slab, index);
            AddFree(slab, index);
            evicted = true;
        }

        return evicted;
    }

    /// <summary>All or nothing: while one frame is pinned the others stay, and keep their blocks.</summary>
    private bool TryEvictAll(int slab)
    {
        uint used = FramesInUse(slab);
        uint closed = 0;
        for (uint left = used; left != 0; left &= left - 1)
        {
            int index = BitOperations.TrailingZeroCount(left);
            if (Interlocked.CompareExchange(ref Frame(NumberOf(slab, index))->Pins, BlockCacheFrame.Closed, 0) != 0) break;
            closed |= 1u << index;
        }

        for (uint left = closed; left != 0; left &= left - 1)
        {
            int index = BitOperations.TrailingZeroCount(left);
            if (closed == used) CloseOwner(slab, index);
            else Volatile.Write(ref Frame(NumberOf(slab, index))->Pins, 0);
        }

        if (closed != used) return false;
        if (_slabs[slab].FreeFrames != 0) Unlink(slab);
        return true;
    }

    private void CloseOwner(int slab, int index)
    {
        BlockCacheFrame* frame = Frame(NumberOf(slab, index));
        if (frame->OwnerId != 0) EvictionCount++;
        frame->OwnerId = 0;
        Poison(Data(NumberOf(slab, index)), frame->Bytes);
    }

    /// <summary>Makes a read past the end of a pin show in debug builds.</summary>
    [Conditional("DEBUG")]
    private static void Poison(byte* data, int bytes) => new Span<byte>(data, bytes).Fill(0xDB);

    private uint FramesInUse(int slab) => AllFrames(_slabs[slab].Class) & ~_slabs[slab].FreeFrames;

    private void AddFree(int slab, int index)
    {
        Invariant.Holds((_slabs[slab].FreeFrames & 1u << index) == 0);
        bool isListed = _slabs[slab].FreeFrames != 0;
        _slabs[slab].FreeFrames |= 1u << index;
        if (!isListed) Link(slab);
    }

    private void Link(int slab)
    {
        ref int head = ref _listHeads[_slabs[slab].Class];
        _slabs[slab].Previous = NoSlab;
        _slabs[slab].Next = head;
        if (head != NoSlab) _slabs[head].Previous = slab;
        head = slab;
    }

    private void Unlink(int slab)
    {
        int previous = _slabs[slab].Previous;
        int next = _slabs[slab].Next;
        if (previous != NoSlab) _slabs[previous].Next = next;
        else _listHeads[_slabs[slab].Class] = next;
        if (next != NoSlab) _slabs[next].Previous = previous;
    }

    /// <summary>A slab stands in the list of its class while it has free frames; an unused one stands in the list of those.</summary>
    private struct Slab
    {
        public int Next;
        public int Previous;

        /// <summary>A bit for each free frame.</summary>
        public uint FreeFrames;
        public byte Class;
    }
}
