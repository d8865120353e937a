using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using Varve.Diagnostics;

namespace Varve.Tables;

/// <summary>
/// The frames of a <see cref="BlockCache"/>: slabs of 64 KiB, each cut into frames of one size class, and the clock that decides which
/// block goes. The caller holds the cache's lock; only pins change beside it.
/// </summary>
/// <remarks>
/// The hand goes over slabs, whatever their class, and ages what it passes. A slab of the wanted class gives all its cold frames; one of
/// another class is taken over when all of it is cold, so the classes share the memory as the blocks in use need it. When the hand finds
/// nothing cold in <see cref="SlabsSweptMax"/> slabs, the coldest of those goes: a bound on the time under the lock.
/// </remarks>
internal sealed unsafe class BlockCacheSlabs
{
    public const int SlabBytes = PagesPerSlab * PageBytes;
    public const int PageBytes = 4 << 10;

    /// <summary>So that every frame has a positive <c>int</c> for a number: 8 TiB of them.</summary>
    public const int SlabCountLimit = int.MaxValue / PagesPerSlab - 1;

    private const int PagesPerSlab = 16;
    private const int SizeClassCount = 5;
    private const int SlabsSweptMax = 64;

    /// <summary>The class of slabs that are cut into nothing and hold nothing.</summary>
    private const byte Unused = SizeClassCount;

    /// <summary>More than any heat: nothing of the slab can go.</summary>
    private const int TooHot = BlockCacheFrame.HeatMax + 1;

    /// <summary>Ends a list of slabs.</summary>
    private const int NoSlab = -1;

    /// <summary>Numbers begin at 1, so both pointers stand one element before the first.</summary>
    private readonly BlockCacheFrame* _frames;
    private readonly byte* _data;

    private readonly Slab* _slabs;
    private readonly int _slabCountMax;

    /// <summary>Per size class the slabs that have a free frame; last the unused ones that were used before.</summary>
    private readonly int[] _listHeads = new int[SizeClassCount + 1];

    /// <summary>Slabs behind it were never touched.</summary>
    private int _slabsTouched;
    private int _hand;

    public BlockCacheSlabs(byte* metadata, byte* data, int slabCountMax)
    {
        _slabs = (Slab*)metadata;
        _frames = (BlockCacheFrame*)(metadata + (long)slabCountMax * sizeof(Slab)) - 1;
        _data = data - PageBytes;
        _slabCountMax = slabCountMax;
        SlabsAllowed = slabCountMax;
        Array.Fill(_listHeads, NoSlab);
    }

    public static int MetadataBytesPerSlab => sizeof(Slab) + PagesPerSlab * sizeof(BlockCacheFrame);

    public int SlabsInUse { get; private set; }

    /// <summary>How many slabs may be in use; <see cref="TryShrink"/> enforces a lowered value.</summary>
    public int SlabsAllowed { get; set => field = Math.Min(value, _slabCountMax); }

    public long EvictionCount { get; private set; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public BlockCacheFrame* Frame(int number) => _frames + number;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Data(int number) => _data + (long)number * PageBytes;

    /// <summary>The smallest class whose frames hold so many bytes: 0 for 4 KiB to 4 for 64 KiB.</summary>
    public static int SizeClassOf(int bytes) => BitOperations.Log2((uint)(bytes + PageBytes - 1) / PageBytes * 2 - 1);

    /// <summary>The number of a closed frame without owner; 0 when all memory is pinned.</summary>
    public int TakeFrame(int sizeClass)
    {
        if (_listHeads[sizeClass] == NoSlab && !TryGrow(sizeClass) && !TryMakeRoom((byte)sizeClass)) return CacheSlots.None;

        int slab = _listHeads[sizeClass];
        int page = BitOperations.TrailingZeroCount(_slabs[slab].FreePages);
        _slabs[slab].FreePages &= ~(1u << page);
        if (_slabs[slab].FreePages == 0) Unlink(slab);
        return NumberOf(slab, page);
    }

    /// <summary>Frees a frame in use that nobody has pinned. A pinned one waits for its last pin or the clock.</summary>
    public void FreeUnlessPinned(int number)
    {
        if (Interlocked.CompareExchange(ref Frame(number)->Pins, BlockCacheFrame.Closed, 0) != 0) return;
        AddFreePage((number - 1) / PagesPerSlab, (number - 1) % PagesPerSlab);
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
        for (int number = 1; number <= _slabsTouched * PagesPerSlab; number++)
        {
            if (Volatile.Read(ref Frame(number)->Pins) > 0) pinned++;
        }

        return pinned;
    }

    private static int NumberOf(int slab, int page) => slab * PagesPerSlab + page + 1;

    /// <summary>A bit for each page of a slab that begins a frame.</summary>
    private static uint FirstPages(int sizeClass) => sizeClass switch
    {
        0 => 0xFFFF,
        1 => 0x5555,
        2 => 0x1111,
        3 => 0x0101,
        4 => 0x0001,
        _ => 0,
    };

    private bool TryGrow(int sizeClass)
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
            for (int page = 0; page < PagesPerSlab; page++) *Frame(NumberOf(slab, page)) = closed;
        }

        SlabsInUse++;
        Cut(slab, (byte)sizeClass);
        return true;
    }

    /// <summary>Makes frames of one class of a slab that holds nothing; all its pages are closed.</summary>
    private void Cut(int slab, byte sizeClass)
    {
        _slabs[slab].SizeClass = sizeClass;
        _slabs[slab].FreePages = FirstPages(sizeClass);
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
            if (_slabs[slab].SizeClass == Unused) continue;

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
        for (uint pages = PagesInUse(slab); pages != 0; pages &= pages - 1)
        {
            BlockCacheFrame* frame = Frame(NumberOf(slab, BitOperations.TrailingZeroCount(pages)));
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

        if (_slabs[slab].SizeClass == wantedClass) return coldest;
        return hasPins ? TooHot : hottest;
    }

    /// <summary>
    /// Evicts all of a slab of another class, or of the wanted one the frames that are no hotter than the coldest was when it had aged;
    /// none when they were read or pinned since.
    /// </summary>
    private bool TryClear(int slab, byte wantedClass, int agedHeat)
    {
        if (_slabs[slab].SizeClass == wantedClass) return TryEvictCold(slab, Math.Max(agedHeat, 0));
        if (!TryEvictAll(slab)) return false;

        if (wantedClass == Unused) SlabsInUse--;
        Cut(slab, wantedClass);
        return true;
    }

    private bool TryEvictCold(int slab, int heatMax)
    {
        bool evicted = false;
        for (uint pages = PagesInUse(slab); pages != 0; pages &= pages - 1)
        {
            int page = BitOperations.TrailingZeroCount(pages);
            BlockCacheFrame* frame = Frame(NumberOf(slab, page));
            if (frame->Heat > heatMax) continue;
            if (Interlocked.CompareExchange(ref frame->Pins, BlockCacheFrame.Closed, 0) != 0) continue;

            CloseOwner(slab, page);
            AddFreePage(slab, page);
            evicted = true;
        }

        return evicted;
    }

    /// <summary>All or nothing: while one frame is pinned the others stay, and keep their blocks.</summary>
    private bool TryEvictAll(int slab)
    {
        uint used = PagesInUse(slab);
        uint closed = 0;
        for (uint pages = used; pages != 0; pages &= pages - 1)
        {
            int page = BitOperations.TrailingZeroCount(pages);
            if (Interlocked.CompareExchange(ref Frame(NumberOf(slab, page))->Pins, BlockCacheFrame.Closed, 0) != 0) break;
            closed |= 1u << page;
        }

        for (uint pages = closed; pages != 0; pages &= pages - 1)
        {
            int page = BitOperations.TrailingZeroCount(pages);
            if (closed == used) CloseOwner(slab, page);
            else Volatile.Write(ref Frame(NumberOf(slab, page))->Pins, 0);
        }

        if (closed != used) return false;
        if (_slabs[slab].FreePages != 0) Unlink(slab);
        return true;
    }

    private void CloseOwner(int slab, int page)
    {
        BlockCacheFrame* frame = Frame(NumberOf(slab, page));
        if (frame->OwnerId != 0) EvictionCount++;
        frame->OwnerId = 0;
        Poison(Data(NumberOf(slab, page)), frame->Bytes);
    }

    /// <summary>Makes a read past the end of a pin show in debug builds.</summary>
    [Conditional("DEBUG")]
    private static void Poison(byte* data, int bytes) => new Span<byte>(data, bytes).Fill(0xDB);

    private uint PagesInUse(int slab) => FirstPages(_slabs[slab].SizeClass) & ~_slabs[slab].FreePages;

    private void AddFreePage(int slab, int page)
    {
        Invariant.Holds((_slabs[slab].FreePages & 1u << page) == 0);
        bool isListed = _slabs[slab].FreePages != 0;
        _slabs[slab].FreePages |= 1u << page;
        if (!isListed) Link(slab);
    }

    private void Link(int slab)
    {
        ref int head = ref _listHeads[_slabs[slab].SizeClass];
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
        else _listHeads[_slabs[slab].SizeClass] = next;
        if (next != NoSlab) _slabs[next].Previous = previous;
    }

    /// <summary>A slab stands in the list of its class while it has free pages; an unused one stands in the list of those.</summary>
    private struct Slab
    {
        public int Next;
        public int Previous;

        /// <summary>A bit for each page that begins a free frame.</summary>
        public uint FreePages;
        public byte SizeClass;
    }
}
