using Varve.Tables;

namespace Varve.Tests.Tables;

public unsafe class IndexPartitionTests
{
    [Fact]
    public void Finds_the_first_separator_not_below_any_key()
    {
        for (int seed = 1; seed <= 60; seed++)
        {
            var random = new Random(seed);
            byte[] stem = new byte[random.Next(30)];
            var separators = new List<byte[]>();
            for (int count = random.Next(1, 300); separators.Count < count;) separators.Add(KeyOf(random, stem));
            separators.Sort((a, b) => a.AsSpan().SequenceCompareTo(b));
            using var builder = new IndexPartitionBuilder();
            using var partition = new NativeBuffer(TableFormat.PayloadBytesMax);
            for (int i = 0; i < separators.Count; i++) builder.Add(separators[i], new BlockLocation(i * 100, 100, i % 2 == 0));
            int bytes = builder.Encode(partition.Span);
            Assert.True(IndexPartition.IsWellFormed(partition.Span[..bytes], 1 << 20), $"seed {seed}");
            for (int i = 0; i < 500; i++)
            {
                byte[] key = random.Next(3) == 0
                    ? separators[random.Next(separators.Count)]
                    : KeyOf(random, random.Next(4) == 0 ? [] : stem);
                int expected = separators.FindIndex(separator => separator.AsSpan().SequenceCompareTo(key) >= 0);
                if (expected < 0) expected = separators.Count;
                int found = IndexPartition.Find(partition.Address, key);
                Assert.True(expected == found, $"seed {seed}: {Convert.ToHexString(key)} at {found}, expected {expected}");
            }

            Assert.Equal(new BlockLocation(0, 100, true), IndexPartition.LocationAt(partition.Address, 0));
        }
    }

    [Fact]
    public void Vector_forms_count_as_the_scalar_one()
    {
        var random = new Random(5);
        ulong* heads = stackalloc ulong[40];
        for (int round = 0; round < 2000; round++)
        {
            int count = random.Next(1, 33);
            ulong head = (ulong)random.NextInt64(-3, 3);
            for (int i = 0; i < 40; i++) heads[i] = (ulong)random.NextInt64(-4, 4);
            int expected = IndexPartition.CountBelowScalar(heads, count, head);
            Assert.Equal(expected, IndexPartition.CountBelow512(heads, count, head));
            Assert.Equal(expected, IndexPartition.CountBelow256(heads, count, head));
        }
    }

    [Fact]
    public void A_separator_lies_between_its_neighbours_and_is_short()
    {
        for (int seed = 1; seed <= 20_000; seed++)
        {
            var random = new Random(seed);
            byte[] last = KeyOf(random, []);
            byte[] next = KeyOf(random, random.Next(2) == 0 ? last[..random.Next(last.Length + 1)] : []);
            if (last.AsSpan().SequenceCompareTo(next) > 0) (last, next) = (next, last);
            byte[] separator = PartitionBuilder.SeparatorBetween([.. last], next).ToArray();
            bool isBetween = last.AsSpan().SequenceCompareTo(separator) <= 0 && separator.Length <= last.Length
                && (separator.AsSpan().SequenceCompareTo(next) < 0 || last.AsSpan().SequenceEqual(next));
            Assert.True(
                isBetween,
                $"seed {seed}: {Convert.ToHexString(last)} {Convert.ToHexString(separator)} {Convert.ToHexString(next)}");
        }

        Assert.Equal("abd"u8.ToArray(), PartitionBuilder.SeparatorBetween([.. "abcdefgh"u8], "abde"u8).ToArray());
        Assert.Equal("abd"u8.ToArray(), PartitionBuilder.SeparatorBetween([.. "abcccccc"u8], "abdd"u8).ToArray());
        Assert.Equal("abcd"u8.ToArray(), PartitionBuilder.SeparatorBetween([.. "abcccccc"u8], "abd"u8).ToArray());
    }

    private static byte[] KeyOf(Random random, byte[] stem)
    {
        byte[] key = new byte[random.Next(14)];
        for (int i = 0; i < key.Length; i++) key[i] = (byte)(random.Next(3) switch { 0 => 0, 1 => 255, _ => random.Next(256) });
        return [.. stem, .. key];
    }
}
