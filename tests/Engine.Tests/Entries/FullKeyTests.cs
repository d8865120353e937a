using Varve.Entries;

namespace Varve.Tests.Entries;

public sealed class FullKeyTests
{
    [Fact]
    public void A_full_key_is_the_prefix_and_the_key_whatever_their_lengths()
    {
        Span<byte> stack = stackalloc byte[FullKey.StackBytes];
        var random = new Random(1);
        foreach (ulong id in (ulong[])[0, 1, 127, 128, 300, 1UL << 40, ulong.MaxValue])
        {
            var map = new MapIdentity(id, "m", isRecorded: true);
            int fitting = FullKey.StackBytes - map.Prefix.Length;
            foreach (int keyBytes in (int[])[0, 1, fitting - 1, fitting, fitting + 1, 16 << 10])
            {
                byte[] key = new byte[keyBytes];
                random.NextBytes(key);
                stack.Fill(0xEE);
                using var full = new FullKey(map, key, stack);
                Assert.True(full.Span.SequenceEqual((byte[])[.. map.Prefix, .. key]), $"map {id}, {keyBytes} bytes");
                Assert.True(full.Span.Overlaps(stack) == (keyBytes <= fitting), $"map {id}, {keyBytes} bytes: wrong memory");
            }
        }
    }

    [Fact]
    public void Long_keys_that_live_beside_each_other_have_memory_of_their_own()
    {
        var map = new MapIdentity(5, "m", isRecorded: true);
        byte[] ones = [.. Enumerable.Repeat((byte)1, 1_000)];
        byte[] twos = [.. Enumerable.Repeat((byte)2, 1_000)];
        var first = new FullKey(map, ones, default);
        var second = new FullKey(map, twos, default);
        Assert.True(first.Span[1..].SequenceEqual(ones));
        Assert.True(second.Span[1..].SequenceEqual(twos));

        // The second dispose must not give the array back again: two later renters would share it.
        first.Dispose();
        first.Dispose();
        var third = new FullKey(map, ones, default);
        var fourth = new FullKey(map, twos, default);
        Assert.True(third.Span[1..].SequenceEqual(ones));
        Assert.True(fourth.Span[1..].SequenceEqual(twos));
        Assert.True(second.Span[1..].SequenceEqual(twos));
        second.Dispose();
        third.Dispose();
        fourth.Dispose();
    }
}
