using Varve.Entries;

namespace Varve.Tests.Entries;

public sealed unsafe class StepBoundsTests
{
    private const ulong Sequence = 100;
    private static readonly ulong s_value = Trailer.Pack(Sequence, EntryKind.Value);

    [Fact]
    public void Heads_say_yes_only_within_the_bounds_and_seldom_keep_it_to_themselves()
    {
        var random = new Random(1);
        int insideCount = 0;
        int yesCount = 0;
        for (int i = 0; i < 200_000; i++)
        {
            byte[] prefix = MakeKey(random, random.Next(10));
            byte[] key = [.. random.Next(4) == 0 ? MakeKey(random, prefix.Length) : prefix, .. MakeKey(random, random.Next(13))];
            byte[] bound = [.. random.Next(4) == 0 ? MakeKey(random, random.Next(12)) : prefix, .. MakeKey(random, random.Next(13))];
            string where = $"key {Convert.ToHexString(key)}, bound {Convert.ToHexString(bound)}, prefix {Convert.ToHexString(prefix)}";
            var bounds = new StepBounds(prefix, Sequence);
            bounds.HeadBehind = bounds.HeadBelow(bound);
            bounds.HeadBefore = bounds.HeadAbove(bound);
            byte[] memory = [.. key, .. MakeKey(random, 16)];
            fixed (byte* start = memory)
            {
                int order = key.AsSpan().SequenceCompareTo(bound);
                bool hasPrefix = key.AsSpan().StartsWith(prefix);
                bool isBelow = bounds.IsShownForward(start, key.Length, s_value);
                bool isAbove = bounds.IsShownBackward(start, key.Length, s_value);
                Assert.True(!isBelow || (order < 0 && hasPrefix), $"{where}: not before the bound");
                Assert.True(!isAbove || (order > 0 && hasPrefix), $"{where}: not behind the bound");
                insideCount += order != 0 && hasPrefix ? 1 : 0;
                yesCount += isBelow || isAbove ? 1 : 0;
            }
        }

        Assert.True(yesCount > 0.7 * insideCount, $"{yesCount} of {insideCount}");
    }

    [Fact]
    public void Only_plain_values_of_the_moment_are_shown()
    {
        byte[] memory = new byte[32];
        var bounds = new StepBounds([], Sequence);
        bounds.HeadBehind = bounds.HeadBelow(null);
        fixed (byte* key = memory)
        {
            Assert.True(bounds.IsShownForward(key, 8, s_value));
            Assert.False(bounds.IsShownForward(key, 8, Trailer.Pack(Sequence + 1, EntryKind.Value)));
            Assert.False(bounds.IsShownForward(key, 8, Trailer.Pack(Sequence, EntryKind.Tombstone)));
            Assert.False(bounds.IsShownForward(key, 8, Trailer.Pack(Sequence, EntryKind.Value | EntryKind.Separate)));
            Assert.False(bounds.IsShownForward(key, 8, Trailer.Pack(Sequence, EntryKind.Value | EntryKind.Expiring)));
        }
    }

    [Fact]
    public void Before_a_bound_is_set_nothing_is_shown()
    {
        byte[] memory = new byte[32];
        memory.AsSpan().Fill(0x80);
        var bounds = new StepBounds([], Sequence);
        fixed (byte* key = memory)
        {
            Assert.False(bounds.IsShownForward(key, 16, s_value));
            Assert.False(bounds.IsShownBackward(key, 16, s_value));
        }
    }

    private static byte[] MakeKey(Random random, int bytes)
    {
        byte[] key = new byte[bytes];
        for (int i = 0; i < bytes; i++) key[i] = (byte)(random.Next(3) * 127);
        return key;
    }
}
