using Varve.Entries;

namespace Varve.Tests.Entries;

public sealed class MapIdentityTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("00", "01")]
    [InlineData("61", "62")]
    [InlineData("FE", "FF")]
    [InlineData("FF", "")]
    [InlineData("FFFFFF", "")]
    [InlineData("61FF", "62")]
    [InlineData("61FFFF", "62")]
    [InlineData("FF00", "FF01")]
    [InlineData("FFFEFF", "FFFF")]
    [InlineData("610062", "610063")]
    public void The_successor_of_a_prefix_is_the_shortest_key_behind_all_that_begin_with_it(string prefix, string successor) =>
        Assert.Equal(successor, Convert.ToHexString(MapIdentity.SuccessorOfPrefix(Convert.FromHexString(prefix))));

    [Fact]
    public void No_key_lies_between_those_that_begin_with_a_prefix_and_its_successor()
    {
        for (int seed = 1; seed <= 500; seed++)
        {
            var random = new Random(seed);
            byte[] prefix = FewBytes(random, random.Next(4));
            byte[] successor = MapIdentity.SuccessorOfPrefix(prefix);
            byte[] key = [.. random.Next(2) == 0 ? prefix : [], .. FewBytes(random, random.Next(5))];
            bool isIn = key.AsSpan().SequenceCompareTo(prefix) >= 0
                && (successor.Length == 0 || key.AsSpan().SequenceCompareTo(successor) < 0);
            Assert.True(isIn == key.AsSpan().StartsWith(prefix), $"seed {seed}: {Convert.ToHexString(prefix)}, {Convert.ToHexString(key)}");
        }
    }

    [Fact]
    public void The_keys_of_a_map_lie_between_its_prefix_and_the_next_maps_and_its_end_is_not_beyond_that()
    {
        foreach (ulong id in (ulong[])[0, 1, 126, 127, 128, 16_383, 16_384, (1UL << 56) - 1, 1UL << 56, ulong.MaxValue - 1])
        {
            var map = new MapIdentity(id, "m", isRecorded: true);
            var next = new MapIdentity(id + 1, "n", isRecorded: true);
            byte[] last = [.. map.Prefix, .. Enumerable.Repeat(byte.MaxValue, 20)];
            Assert.True(last.AsSpan().SequenceCompareTo(map.PrefixEnd) < 0, $"map {id}: its last key is behind its end");
            Assert.True(map.PrefixEnd.AsSpan().SequenceCompareTo(next.Prefix) <= 0, $"map {id}: its end is inside the next map");
            Assert.InRange(map.Prefix.Length, 1, MapIdentity.PrefixBytesMax);
        }
    }

    [Fact]
    public void A_map_is_recorded_once_marked()
    {
        var map = new MapIdentity(1, "m", isRecorded: false);
        Assert.False(map.IsRecorded);
        map.MarkRecorded();
        Assert.True(map.IsRecorded);
    }

    private static byte[] FewBytes(Random random, int length)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) bytes[i] = (byte)(random.Next(4) switch { 0 => 0, 1 => 1, 2 => 254, _ => 255 });
        return bytes;
    }
}
