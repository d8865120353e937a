using System.Runtime.InteropServices;
using Varve.Tables;

namespace Varve.Tests.Tables;

/// <summary>Blocks whose bytes are a function of their table, ordinal and length, so that a wrong or overwritten frame shows.</summary>
internal static class BlockCacheContent
{
    public static readonly int[] LengthsAroundTheClasses =
    [
        0, 1, 63, 64, 4_031, 4_032, 4_033, 4_096, 8_128, 8_129, 16_320, 16_321, 32_704, 32_705, 65_471, 65_472, 65_473, 65_536, 100_000,
    ];

    public static FramePin Reserve(BlockCache cache, CacheSlots slots, int ordinal, int bytes)
    {
        FramePin pin = cache.Reserve(bytes);
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(pin.Span);
        ulong state = Seed(slots, ordinal, bytes);
        for (int i = 0; i < words.Length; i++) words[i] = Next(ref state);
        pin.Span[(words.Length * sizeof(ulong))..].Fill((byte)state);
        return pin;
    }

    public static void Load(BlockCache cache, CacheSlots slots, int ordinal, int bytes, FramePriority priority = FramePriority.Normal)
    {
        FramePin pin = Reserve(cache, slots, ordinal, bytes);
        cache.Publish(slots, ordinal, pin, priority);
        cache.Unpin(pin);
    }

    /// <summary>Pins frames until the budget's exception comes, and checks the cap all the way.</summary>
    public static List<FramePin> ReserveUntilRefused(BlockCache cache, int bytes)
    {
        var pins = new List<FramePin>();
        while (pins.Count < cache.CapacityBytes / bytes + 1)
        {
            try
            {
                pins.Add(cache.Reserve(bytes));
            }
            catch (MemoryBudgetException)
            {
                return pins;
            }

            Assert.InRange(cache.GetStatistics().BytesUsed, 0, cache.CapacityBytes);
        }

        throw new InvalidOperationException($"{pins.Count} blocks of {bytes} bytes were pinned in a cache of {cache.CapacityBytes} bytes.");
    }

    public static bool Holds(FramePin pin, CacheSlots slots, int ordinal)
    {
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(pin.Span);
        ulong state = Seed(slots, ordinal, pin.Bytes);
        foreach (ulong word in words)
        {
            if (word != Next(ref state)) return false;
        }

        return pin.Span[(words.Length * sizeof(ulong))..].IndexOfAnyExcept((byte)state) < 0;
    }

    public static void AssertHolds(FramePin pin, CacheSlots slots, int ordinal, string context) =>
        Assert.True(Holds(pin, slots, ordinal), $"{context}: block {ordinal} of {pin.Bytes} bytes holds other bytes");

    /// <summary>Reads a block if it is there, and checks it.</summary>
    public static bool Touch(BlockCache cache, CacheSlots slots, int ordinal)
    {
        if (!cache.TryPin(slots, ordinal, out FramePin pin)) return false;
        AssertHolds(pin, slots, ordinal, "found");
        cache.Unpin(pin);
        return true;
    }

    public static int CountFound(BlockCache cache, CacheSlots slots)
    {
        int found = 0;
        for (int ordinal = 0; ordinal < slots.Count; ordinal++)
        {
            if (Touch(cache, slots, ordinal)) found++;
        }

        return found;
    }

    private static ulong Seed(CacheSlots slots, int ordinal, int bytes) =>
        ((ulong)slots.Id << 40 ^ (ulong)ordinal << 20 ^ (ulong)bytes) * 0x9E37_79B9_7F4A_7C15;

    private static ulong Next(ref ulong state) => state = state * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407;
}
